"""The page in a real browser: its script runs, its pictures decode, its switches work."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.report.inspect import draw_page
from tests.data.small_samples import sample
from tests.report.browser import HOSTILE, Browser, needs_browser

pytestmark = needs_browser


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


def test_a_page_of_photos_has_one_view_and_its_script_runs(
    browser: Browser, tmp_path: Path
) -> None:
    seeds = [sample(i, label="ab"[i % 2], id=f"s{i}", rgb=24, hs=6, bands=3) for i in range(8)]
    write_tfrecords(tmp_path / "photos", seeds)
    DatasetInfo("photos", unit="colour", rgb="camera").save(tmp_path / "photos")
    file = tmp_path / "inspect.html"
    ds = open_dataset(tmp_path / "photos", hs_size=None, rgb_size=None)
    file.write_text(draw_page(ds, path="photos", per_class=2).html, encoding="utf-8")
    found = browser.attributes(file, "#view=bands&class=b&region=middle")
    assert "errors" not in found and found["ready"] == "yes"
    assert (found["view"], found["images"], found["broken"]) == ("rgb", "4", "0")
    assert (found["region-shown"], found["shown"]) == ("middle", "2")
    dom = browser.dom(file, "#sample=1")
    large = dom[dom.index("<dialog") : dom.index("</dialog>")]
    assert large.count("<img") == 1 and ">green<" in large
