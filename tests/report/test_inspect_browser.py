"""The page in a real browser: its script runs, its pictures decode, its switches work."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.report.inspect import draw_page
from tests.data.small_samples import sample

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

pytestmark = pytest.mark.skipif(
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

    def screenshot(self, page: Path, fragment: str = "") -> np.ndarray:
        file = self.folder / f"{self.runs}.png"
        url = f"{page.as_uri()}{fragment}"
        self._run(url, f"--screenshot={file}", "--window-size=1400,2400")
        return np.asarray(Image.open(file).convert("RGB"))

    def _run(self, url: str, *flags: str) -> str:
        self.runs += 1
        profile = self.folder / f"profile-{self.runs}"
        words = [self.program, *FLAGS, *flags, f"--user-data-dir={profile}", url]
        # A session of its own: a browser is many processes, and all of these must end.
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            try:
                out, _ = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                pytest.fail(f"{self.program} did not answer in {SECONDS} s")
        return out.decode(errors="replace")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def page(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "inspect.html"
    ds = open_dataset(small_data, hs_size=None, rgb_size=None)
    file.write_text(draw_page(ds, path="small", per_class=2).html, encoding="utf-8")
    return file


def test_the_script_runs_and_every_picture_decodes(browser: Browser, page: Path) -> None:
    found = browser.attributes(page)
    assert "errors" not in found
    assert found["ready"] == "yes"
    assert found["images"] == str(19 * 2 * 6)
    assert found["broken"] == "0"
    assert found["view"] == "rgb"
    assert found["shown"] == str(19 * 2)


def test_the_fragment_sets_view_class_and_region(browser: Browser, page: Path) -> None:
    dom = browser.dom(page, "#view=false-colour&region=middle&class=b.+napus")
    root = re.search(r"<html[^>]*>", dom)
    assert root is not None
    for wanted in ('data-view="false-colour"', 'data-region-shown="middle"', 'data-shown="2"'):
        assert wanted in root[0]
    sections = re.findall(r'<section class="class"[^>]*>', dom)
    assert len(sections) == 19
    assert sum("hidden" in section for section in sections) == 18


def test_what_the_fragment_cannot_mean_is_left_alone(browser: Browser, page: Path) -> None:
    found = browser.attributes(page, "#view=x-ray&class=unicorn&region=edge&sample=99999")
    assert "errors" not in found and found["ready"] == "yes"
    assert (found["view"], found["region-shown"], found["shown"]) == ("rgb", "whole", "38")


def test_a_sample_opens_with_its_pictures_and_spectrum(browser: Browser, page: Path) -> None:
    dom = browser.dom(page, "#sample=3")
    large = dom[dom.index("<dialog") : dom.index("</dialog>")]
    assert re.match(r"<dialog[^>]* open", large)
    assert large.count("<img") == 6
    title = re.search(r'id="large-title">([^<]+)<', large)
    assert title is not None and title[1].startswith("a_lappa")
    drawn = re.findall(r'<path class="line own" d="(M[^"]+)"', large)
    assert len(drawn) == 2 and all(path.count("L") == 11 for path in drawn)


def test_pointer_and_keys_do_what_the_page_says(browser: Browser, page: Path) -> None:
    """A copy of the page without its policy, and with a script that plays a person."""
    play = """
    addEventListener("load", () => {
      const told = [];
      one("input[value=bands]").click();
      choice.value = "2"; choice.dispatchEvent(new Event("change", { bubbles: true }));
      told.push(root.dataset.view, root.dataset.shown, location.hash);
      names[4].dispatchEvent(new Event("focus"));
      told.push(root.dataset.lit);
      names[4].click();
      names[7].dispatchEvent(new Event("focus")); names[7].dispatchEvent(new Event("blur"));
      told.push(root.dataset.lit, names[4].getAttribute("aria-pressed"));
      const box = charts[0].getBoundingClientRect();
      charts[0].dispatchEvent(new PointerEvent("pointermove",
        { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 }));
      told.push(one(".readout").textContent);
      const bandBox = one(".bandcharts svg").getBoundingClientRect();
      one(".bandcharts svg").dispatchEvent(new PointerEvent("pointermove",
        { clientX: bandBox.right, clientY: bandBox.top }));
      told.push(one("#bands-readout").textContent);
      one("section.class:not([hidden]) .open").click();
      const title = () => one("#large-title").textContent;
      const first = title();
      large.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
      const second = title();
      large.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
      told.push(first !== second, first === title());
      one("[data-close]").click();
      told.push(large.open);
      document.title = JSON.stringify(told);
    });
    """
    html = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
    copy = page.with_name("played.html")
    copy.write_text(html.replace("</body>", f"<script>{play}</script></body>"), encoding="utf-8")
    title = re.search(r"<title>([^<]*)</title>", browser.dom(copy))
    assert title is not None and title[1].startswith("["), title
    view, shown, fragment, lit, kept, pressed, readout, bands, moved, around, still_open = (
        json.loads(title[1].replace("&amp;", "&"))
    )
    assert (view, shown) == ("bands", "2")
    assert fragment == "#view=bands&region=whole&class=a.+myosuroides"
    assert lit == kept == "b. officinalis"
    assert pressed == "true"
    assert re.search(r"\d+ nm   b\. officinalis   [\d.]+ ± [\d.]+   \(4 samples\)", readout)
    assert bands.startswith("Band 11, 1000 nm   smallest ")
    assert (moved, around, still_open) == (True, True, False)


def test_screenshots_show_something_and_views_differ(browser: Browser, page: Path) -> None:
    rgb = browser.screenshot(page)
    assert rgb.shape == (2400, 1400, 3)
    assert len(np.unique(rgb.reshape(-1, 3), axis=0)) > 500
    assert rgb.std() > 10
    bands = browser.screenshot(page, "#view=bands")
    assert (rgb != bands).any(axis=2).mean() > 0.02


def test_labels_of_strangers_run_nothing(browser: Browser, tmp_path: Path) -> None:
    samples = [sample(i, label=label) for i, label in enumerate([HOSTILE, "Gänseblümchen"])]
    write_tfrecords(tmp_path, samples)
    DatasetInfo(HOSTILE, source=HOSTILE).save(tmp_path)
    file = tmp_path / "inspect.html"
    ds = open_dataset(tmp_path, hs_size=None, rgb_size=None)
    file.write_text(draw_page(ds, path=HOSTILE).html, encoding="utf-8")
    found = browser.attributes(file, "#class=G%C3%A4nsebl%C3%BCmchen")
    assert "hacked" not in found and "errors" not in found
    assert (found["ready"], found["shown"], found["broken"]) == ("yes", "1", "0")


def test_odd_data_run_without_an_error(browser: Browser, tmp_path: Path) -> None:
    write_tfrecords(tmp_path, [sample(0, label=None, hs=1, rgb=1, bands=1)])
    file = tmp_path / "inspect.html"
    ds = open_dataset(tmp_path, hs_size=None, rgb_size=None)
    file.write_text(draw_page(ds, path="x").html, encoding="utf-8")
    found = browser.attributes(file, "#view=bands&sample=0")
    assert "errors" not in found
    assert (found["ready"], found["shown"], found["broken"]) == ("yes", "1", "0")
