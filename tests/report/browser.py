"""A real browser for the tests of pages."""

import json
import os
import re
import shutil
import signal
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HOSTILE = (
    "</script><script>document.documentElement.dataset.hacked='yes'</script>"
    "<img src=x onerror=\"document.documentElement.dataset.hacked='yes'\">"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip
SECONDS = 90  # a browser that hangs is stopped
needs_browser = pytest.mark.skipif(
    not any(shutil.which(name) for name in NAMES),
    reason=f"no browser on PATH ({', '.join(NAMES)}): the page is not tried in one",
)


class Browser:
    """Opens a page in a fresh profile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = next(name for name in NAMES if shutil.which(name))
        self.runs = 0

    def attributes(self, page: Path, fragment: str = "") -> dict[str, str]:
        """What the page's script wrote on its root element."""
        tag = re.search(r"<html[^>]*>", self.dom(page, fragment))
        assert tag is not None
        return dict(re.findall(r'data-([\w-]+)="([^"]*)"', tag[0]))

    def dom(self, page: Path, fragment: str = "") -> str:
        return self._run(f"{page.as_uri()}{fragment}", "--dump-dom")

    def screenshot(self, page: Path, fragment: str = "", *flags: str) -> np.ndarray:
        file = self.folder / f"{self.runs}.png"
        url = f"{page.as_uri()}{fragment}"
        self._run(url, f"--screenshot={file}", "--window-size=1400,2400", *flags)
        return np.asarray(Image.open(file).convert("RGB"))

    def play(self, page: Path, script: str) -> object:
        """What a script finds that plays a person, in a copy of the page without its policy.

        The script leaves values in the list `told`, and may use all that the page's own one has.
        """
        html = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
        played = (
            "addEventListener('load', () => { const told = []; try {" + script
            + "} catch (error) { told.push(String(error)); }"
            + "document.title = JSON.stringify(told); });"
        )  # fmt: skip
        copy = self.folder / f"played-{self.runs}.html"
        head, _, tail = html.rpartition("</body>")
        copy.write_text(f"{head}<script>{played}</script></body>{tail}", encoding="utf-8")
        title = re.search(r"<title>(.*?)</title>", self.dom(copy), re.DOTALL)
        assert title is not None and title[1].startswith("["), title
        return json.loads(unescape(title[1]))

    def log(self, page: Path) -> str:
        """What the browser writes to the console for a page: errors, refused requests."""
        return self._run(page.as_uri(), "--dump-dom", "--enable-logging=stderr", "--v=0", err=True)

    def _run(self, url: str, *flags: str, err: bool = False) -> str:
        self.runs += 1
        profile = self.folder / f"profile-{self.runs}"
        words = [self.program, *FLAGS, *flags, f"--user-data-dir={profile}", url]
        # A session of its own: a browser is many processes, and all of these must end.
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                out, told = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                pytest.fail(f"{self.program} did not answer in {SECONDS} s")
        return (told if err else out).decode(errors="replace")
