"""The page in a real browser against a real server: files chosen and dropped, the answer, keys."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import needs_browser
from tests.serve import files
from tests.serve.chromium import Chromium
from tests.serve.process import Process

pytestmark = needs_browser
HS, RGB = files.cube(), files.picture()
STATE = "document.documentElement.dataset.state"

DROP = """(() => {
  const data = new DataTransfer();
  for (const [name, bytes] of Object.entries(SENT))
    data.items.add(new File([new Uint8Array(bytes)], name));
  const act = (kind) => one("ask").dispatchEvent(
    new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  act("dragover");
  root.dataset.over = one("ask").classList.contains("over");
  act("drop");
})()"""


@pytest.fixture(scope="module")
def server(models: dict[str, Path]) -> Iterator[Process]:
    process = Process(models["both"], "--port=0")
    yield process
    assert process.stop(signal.SIGINT) == (0, "stopped\n", "")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    made = Chromium(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seed")
    (folder / "seed.png").write_bytes(files.image(RGB))
    for name, data in files.envi(HS):
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def page(server: Process, browser: Chromium) -> Chromium:
    browser.look()
    browser.open(f"{server.url}/")
    browser.until(lambda: browser.run("document.documentElement.dataset.ready") == "yes")
    return browser


def classify(page: Chromium, seed: Path) -> None:
    page.choose("#rgb", seed / "seed.png")
    page.choose("#hs", seed / "scan.hdr", seed / "scan.bip")
    page.run("one('go').click()")
    page.until(lambda: page.run(STATE) in ("answered", "refused"))
    assert page.run(STATE) == "answered", page.run("one('problem').textContent")


def test_files_that_are_chosen_are_classified(page: Chromium, seed: Path, tmp_path: Path) -> None:
    assert page.run("one('simulated').hidden") is False
    assert "tells 3 classes apart" in page.run("one('about').textContent")
    classify(page, seed)
    found = json.loads(
        page.run(
            """(async () => {
            const body = new FormData();
            body.append("rgb", one("rgb").files[0]);
            for (const file of one("hs").files) body.append("hs", file);
            return (await fetch("/predict", { method: "POST", body })).text(); })()"""
        )
    )
    assert page.run("one('called').textContent") == found["class"]
    verdict = page.run("one('verdict').textContent")
    assert verdict.startswith("Rejected" if found["rejected"] else "Not rejected")
    assert all(name in page.run("one('set').textContent") for name in found["set"])
    bars = page.run("[...document.querySelectorAll('#bars li')].map((e) => e.textContent)")
    order = sorted(found["probabilities"].items(), key=lambda one: -one[1])
    assert bars == [f"{name}{100 * p:.1f} %" for name, p in order]
    widths = page.run("[...document.querySelectorAll('.rail span')].map((e) => e.style.width)")
    shares = [100 * p for _, p in order]
    assert [float(w.rstrip("%")) for w in widths] == pytest.approx(shares, rel=1e-3)
    for view in ("rgb", "hs"):
        assert page.run(f"one('{view}-picture').naturalWidth") > 0
        assert page.run(f"one('{view}-heat').hidden") is False
        assert page.run(
            f"one('{view}-heat').getContext('2d')"
            f".getImageData(0, 0, one('{view}-heat').width, one('{view}-heat').height)"
            ".data.some((v) => v > 0)"
        )
        assert "Heat map of" in page.run(f"one('{view}-heat').getAttribute('aria-label')")
    assert len(page.run("document.querySelector('.mean').getAttribute('d')").split("L")) == 12
    assert page.run("document.querySelectorAll('rect.for, rect.against').length") == 12
    page.run("one('heat').click()")
    assert page.run("one('rgb-heat').hidden && one('hs-heat').hidden") is True
    page.run("one('heat').click()")
    assert page.run("document.documentElement.dataset.errors") is None
    page.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_files_that_are_dropped_are_classified(page: Chromium) -> None:
    sent = {"seed.PNG": files.image(RGB), "scan.zip": files.archive(*files.envi(HS))}
    page.run(DROP.replace("SENT", json.dumps({name: list(data) for name, data in sent.items()})))
    page.until(lambda: page.run(STATE) in ("answered", "refused"))
    assert page.run(STATE) == "answered", page.run("one('problem').textContent")
    assert page.run("root.dataset.over") == "true"
    assert page.run("one('ask').classList.contains('over')") is False


def test_bad_files_get_a_sentence(page: Chromium, seed: Path) -> None:
    problem = "one('problem').hidden ? '' : one('problem').textContent"
    page.run("one('go').click()")
    assert page.run(problem).startswith("Found no file")
    page.choose("#rgb", seed / "seed.png")
    page.run("one('go').click()")
    page.until(lambda: page.run("!one('go').disabled") and page.run(problem))
    assert page.run(problem).startswith("hs: is missing (found rgb)")
    page.choose("#hs", seed / "seed.png")
    page.run("one('go').click()")
    page.until(lambda: "send it as `rgb`" in page.run(problem))
    assert page.run("one('result').hidden") is True
    classify(page, seed)
    assert page.run(problem) == ""
    page.run("limits.request_bytes = 10; one('go').click()")
    assert "at most 10 are taken" in page.run(problem)


def test_nothing_is_loaded_from_elsewhere_and_nothing_complained_of(
    server: Process, page: Chromium, seed: Path
) -> None:
    classify(page, seed)
    asked = [url for url in page.asked() if not url.startswith("data:")]
    assert {f"{server.url}{path}" for path in ("/", "/page.css", "/page.js", "/model")} <= set(
        asked
    )
    assert all(url.startswith(f"{server.url}/") for url in asked)
    assert page.complaints() == []
    page.open(f"{server.url}/docs")
    assert "POST /predict" in page.run("document.body.textContent")
    assert page.complaints() == []


def test_keys_reach_everything(page: Chromium, seed: Path) -> None:
    classify(page, seed)
    assert page.run("document.activeElement.id") == "called"  # where a screen reader goes on
    page.run("document.body.focus(); document.activeElement.blur()")
    reached = []
    for _ in range(8):
        page.press("Tab", 9)
        reached.append(page.run("document.activeElement.id || document.activeElement.tagName"))
    for name in ("rgb", "hs", "wavelengths", "go", "explain", "heat"):
        assert name in reached
        labelled = page.run(f"one('{name}').labels ? one('{name}').labels.length : 0")
        assert labelled == (0 if name == "go" else 1)
    page.run("root.dataset.state = ''; one('explain').checked = false; one('go').focus()")
    page.press("Enter", 13)
    page.until(lambda: page.run(STATE) == "answered")
    assert page.run("one('heat-row').hidden") is True


CONTRAST = """(() => {
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
  const low = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const s = getComputedStyle(e);
    const [x, y] = [numbers(e instanceof SVGElement ? s.fill : s.color), behind(e)]
      .map(light).sort((m, n) => n - m);
    const big = parseFloat(s.fontSize) >= 24;
    const ratio = (x + .05) / (y + .05);
    if (ratio < (big ? 3 : 4.5)) low.push([e.tagName, e.id, e.textContent.slice(0, 30), ratio]);
  }
  return [low, getComputedStyle(document.body).backgroundColor];
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(server: Process, page: Chromium, seed: Path, dark: bool) -> None:
    """Contrast as WCAG AA asks for: 4.5, and 3 for large text."""
    page.look(dark=dark)
    classify(page, seed)
    page.run("complain('Found nothing of the kind.')")
    low, ground = page.run(CONTRAST)
    assert low == []
    assert ground == ("rgb(19, 24, 25)" if dark else "rgb(251, 250, 247)")
    page.open(f"{server.url}/docs")
    assert page.run(CONTRAST)[0] == []


def test_a_model_without_attention_has_other_maps(
    models: dict[str, Path], browser: Chromium, seed: Path
) -> None:
    server = Process(models["alone"], "--port=0")
    try:
        browser.look()
        browser.open(f"{server.url}/")
        browser.until(lambda: browser.run("document.documentElement.dataset.ready") == "yes")
        classify(browser, seed)
        told = browser.run("one('key').textContent")
        assert "RGB: orange spoke for the class, blue against it" in told
        assert told.endswith("A discriminant answers alone: no network is run, so there is no "
                             "attention to show.")  # fmt: skip
        assert browser.run("one('rgb-heat').hidden || one('hs-heat').hidden") is False
        assert browser.run("one('verdict').textContent").count("the model's own word") == 1
        assert browser.run("document.documentElement.dataset.errors") is None
    finally:
        assert server.stop(signal.SIGINT) == (0, "stopped\n", "")
