"""A purity report in a real browser: filter, order, keys, colours, paper."""

import re
from pathlib import Path

import numpy as np
import pytest

from bimae.data import DatasetInfo
from bimae.report.purity import write_report
from bimae.report.purity.pdf import VARIABLE, find_browser
from tests.report.browser import HOSTILE, Browser, needs_browser
from tests.report.purity_case import SEEDS, calibration, case

pytestmark = needs_browser
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("purity")
    facts, reference = case(
        folder / "lot", seeds=[*SEEDS, *[(0, 0.85, True, False)] * 12], made=calibration(),
        shape={"rgb": 64, "hs": 8},
    )  # fmt: skip
    write_report(folder / "report", facts, reference, most=100)
    return folder / "report" / "report.html"


def test_it_runs_and_every_picture_decodes(browser: Browser, page: Path) -> None:
    found = browser.attributes(page)
    assert "errors" not in found
    assert (found["ready"], found["images"], found["broken"]) == ("yes", "42", "0")
    assert (found["shown"], found["first"]) == ("21", "38")  # rejected first, the least sure of it


def test_filter_and_order(browser: Browser, page: Path) -> None:
    assert browser.attributes(page, "#show=rejected&sort=tray")["shown"] == "2"
    found = browser.attributes(page, "#show=0&sort=sure")
    assert (found["shown"], found["first"]) == ("15", "30")
    doubtful = browser.attributes(page, "#show=doubtful")
    assert (doubtful["shown"], doubtful["first"]) == ("15", "34")
    by_tray = browser.attributes(page, "#sort=tray")
    assert (by_tray["shown"], by_tray["first"]) == ("21", "30")
    odd = browser.attributes(page, "#show=99&sort=x&seed=nobody")
    assert "errors" not in odd and odd["shown"] == "21"


def test_keys(browser: Browser, page: Path) -> None:
    found = browser.play(
        page,
        """
        const key = (name, on) => on.dispatchEvent(
          new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
        const here = () => document.activeElement.closest(".card")?.dataset.number;
        const stops = () => all(".open").filter((b) => b.tabIndex === 0).length;
        const buttons = visible();
        const order = buttons.map((b) => b.closest(".card").dataset.number);
        told.push(stops());
        buttons[0].focus();
        key("ArrowRight", document.activeElement); told.push(here() === order[1], stops());
        key("ArrowLeft", document.activeElement); told.push(here() === order[0]);
        key("ArrowLeft", document.activeElement); told.push(here() === order[0]);
        key("ArrowDown", document.activeElement);
        const row = buttons.findIndex((b) => b.getBoundingClientRect().top >
          buttons[0].getBoundingClientRect().top + 4);
        told.push(row > 1 && here() === order[row]);
        key("ArrowUp", document.activeElement); told.push(here() === order[0]);
        key("End", document.activeElement); told.push(here() === order.at(-1));
        key("Home", document.activeElement); told.push(here() === order[0]);
        document.activeElement.click();  // what Enter does on a button
        told.push(large.open, root.dataset.open === order[0]);
        key("ArrowRight", large); told.push(root.dataset.open === order[1]);
        key("ArrowLeft", large); key("ArrowLeft", large);
        told.push(root.dataset.open === order.at(-1));
        one("[data-close]").click();
        told.push(large.open);
        controls.elements.show.value = "rejected";
        controls.elements.show.dispatchEvent(new Event("change", { bubbles: true }));
        told.push(location.hash, one("#shown").textContent, stops());
        """,
    )
    assert found == [1, *[True, 1], *[True] * 9, True, False,
                     "#show=rejected&sort=unsure", "2 seeds", 1]  # fmt: skip


def test_nothing_is_complained_of_or_asked_for(browser: Browser, page: Path) -> None:
    log = browser.log(page)
    lines = [line for line in log.splitlines() if "CONSOLE" in line or "Refused" in line]
    assert lines == []


def test_text_can_be_read_in_light_and_dark(browser: Browser, page: Path, tmp_path: Path) -> None:
    """Contrast of every text with what is behind it, as WCAG reckons it: 4.5 (3 for large ones)."""
    script = """
    const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
    const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = (c) => {
      const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
      return .2126 * r + .7152 * g + .0722 * b;
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const c = numbers(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] === 1) return c;
      }
      return [255, 255, 255];
    };
    const ratio = (a, b) => {
      const [x, y] = [light(a), light(b)].sort((m, n) => n - m);
      return (x + .05) / (y + .05);
    };
    for (const e of all("body *")) {
      const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      const s = getComputedStyle(e);
      const silent = ["SCRIPT", "STYLE", "OPTION"].includes(e.tagName);
      if (!own || silent || !e.getClientRects().length) continue;
      const r = ratio(numbers(e instanceof SVGElement ? s.fill : s.color), behind(e));
      const size = parseFloat(s.fontSize);
      const big = size >= 24 || (size >= 18.6 && s.fontWeight >= 600);
      if (r < (big ? 3 : 4.5)) told.push([e.tagName, e.className, e.textContent, r]);
    }
    const paper = behind(one(".card"));
    for (const name of ["own", "mean", "crop"]) {
      const r = ratio(numbers(getComputedStyle(one(`.spectrum .${name}`)).stroke), paper);
      if (r < 3) told.push([name, r]);
    }
    told.push(getComputedStyle(document.body).backgroundColor);
    """
    assert browser.play(page, script) == ["rgb(251, 250, 247)"]
    html = page.read_text(encoding="utf-8")
    dark = tmp_path / "dark.html"
    dark.write_text(
        html.replace("(prefers-color-scheme: dark)", "(min-width: 1px)"), encoding="utf-8"
    )
    assert browser.play(dark, script) == ["rgb(19, 24, 25)"]


def test_a_grave_caution_is_seen_before_the_figure(browser: Browser, tmp_path: Path) -> None:
    script = """
    const box = (name) => one(name).getBoundingClientRect();
    const size = (name) => parseFloat(getComputedStyle(one(name)).fontSize);
    if (one(".grave")) told.push(box(".grave").bottom <= box(".head").top,
      box(".flag").bottom <= box(".big").top, box(".grave").height > 40);
    told.push(size(".big b"));
    """
    pages = {}
    for name, made in (("sound", calibration()), ("plain", None)):
        facts, reference = case(tmp_path / name, made=made)
        write_report(tmp_path / f"r-{name}", facts, reference, most=1)
        pages[name] = browser.play(tmp_path / f"r-{name}" / "report.html", script)
    (loud,) = pages["sound"]  # type: ignore[misc]
    *above, quiet = pages["plain"]  # type: ignore[misc]
    assert above == [True, True, True] and quiet < 0.7 * loud


def test_screenshots_differ_in_light_and_dark(browser: Browser, page: Path) -> None:
    light, dark = browser.screenshot(page), browser.screenshot(page, "", DARK)
    assert len(np.unique(light.reshape(-1, 3), axis=0)) > 500
    assert light.mean() > 200 and dark.mean() < 90


def test_names_of_strangers_run_nothing(browser: Browser, tmp_path: Path) -> None:
    classes = (f"oat{HOSTILE}", HOSTILE, f"wheat{HOSTILE}")
    facts, reference = case(
        tmp_path / "lot", classes=classes, made=calibration(classes), group=HOSTILE,
        ids=[None] * 30 + [HOSTILE], info=DatasetInfo(HOSTILE, source=HOSTILE),
    )  # fmt: skip
    write_report(tmp_path / "r", facts, reference, most=3)
    found = browser.attributes(tmp_path / "r" / "report.html", "#seed=30")
    assert "hacked" not in found and "errors" not in found
    assert (found["ready"], found["broken"]) == ("yes", "0")


def test_a_pure_lot_and_an_undrawn_one(browser: Browser, tmp_path: Path) -> None:
    for name, seeds, most in (("pure", SEEDS[:9], 10), ("undrawn", SEEDS, 0)):
        facts, reference = case(tmp_path / name / "lot", seeds=seeds, made=calibration())
        write_report(tmp_path / name / "r", facts, reference, most=most)
        found = browser.attributes(tmp_path / name / "r" / "report.html")
        assert "errors" not in found and found["ready"] == "yes"


def test_the_pdf(tmp_path: Path) -> None:
    program = find_browser()
    assert program is not None
    facts, reference = case(
        tmp_path / "lot", seeds=[*SEEDS, *[(0, 0.85, True, False)] * 50], made=calibration()
    )
    assert write_report(tmp_path / "r", facts, reference, most=40, browser=program) == ""
    assert {path.name for path in (tmp_path / "r").iterdir()} == {
        "report.html", "report.json", "report.pdf", "seeds.csv",
    }  # fmt: skip
    pdf = (tmp_path / "r" / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 4
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None  # A4 in points
    assert [float(x) for x in box.groups()] == pytest.approx([595, 842], abs=1.5)
    assert len(pdf) < 1_500_000


def test_which_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "/bin/true")
    assert find_browser() == "/bin/true"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser() is None
