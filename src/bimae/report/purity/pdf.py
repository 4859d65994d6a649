"""An HTML page printed to PDF by a browser that is there already (headless Chromium)."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from bimae.errors import ConfigError

VARIABLE = "BIMAE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-pdf-header-footer",
)  # fmt: skip
SECONDS = 180  # a browser that hangs is stopped


def find_browser() -> str | None:
    """The browser that $BIMAE_CHROMIUM names, else one on PATH, else None.

    Raises:
        ConfigError: $BIMAE_CHROMIUM names no program.
    """
    if named := os.environ.get(VARIABLE):
        found = shutil.which(named)
        if found is None:
            raise ConfigError(
                f"${VARIABLE} is {named!r}, which is no program; name a Chromium or Chrome, or "
                "unset it"
            )
        return found
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def browser_for(asked: Literal["auto", "true", "false"]) -> str | None:
    """What prints the PDF, if one is wanted.

    Args:
        asked: `auto`: where there is one; `true`: in any case; `false`: none.

    Raises:
        ConfigError: One is wanted in any case, and there is none; or see `find_browser`.
    """
    if asked == "false":
        return None
    found = find_browser()
    if found is None and asked == "true":
        raise ConfigError(
            f"--pdf true needs Chromium or Chrome, and none is on PATH ({', '.join(NAMES)}); "
            "install one, name it in $BIMAE_CHROMIUM, or leave out --pdf"
        )
    return found


def print_pdf(browser: str, page: Path, out: Path) -> str:
    """Prints a page; nothing but the page is opened, in a profile that is thrown away.

    Args:
        browser: The program.
        page: HTML file.
        out: PDF file to write.

    Returns:
        Why there is no PDF; empty where there is one.
    """
    # A container's root has no other way; anyone else keeps the browser's own walls.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="bimae-browser-", ignore_cleanup_errors=True) as own:
        words = [browser, *FLAGS, *root, f"--user-data-dir={own}", f"--print-to-pdf={out}",
                 page.resolve().as_uri()]  # fmt: skip
        try:
            # A session of its own: a browser is many processes, and all of these must end.
            process = subprocess.Popen(
                words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            return f"{browser} cannot be run ({error.strerror})"
        try:
            process.wait(timeout=SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            out.unlink(missing_ok=True)
            return f"{browser} did not answer in {SECONDS} s"
    if not out.is_file() or out.read_bytes()[:5] != b"%PDF-":
        out.unlink(missing_ok=True)
        return f"{browser} ended with {process.returncode} and printed nothing"
    return ""
