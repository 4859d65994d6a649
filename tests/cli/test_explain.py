"""`bimae explain` through the front door, and what it adds to a purity report."""

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bimae.cli import main
from bimae.data import open_dataset
from bimae.report.purity.gallery import PAPER_SIDE
from tests.cli.run import files, mistakes, run
from tests.report.browser import Browser, needs_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def explained(
    finetuned: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A report of two seeds, and what was printed."""
    out = tmp_path_factory.mktemp("explain") / "explained"
    words = ["explain", str(finetuned), str(small_data), f"--out={out}", "--count=2"]
    with redirect_stdout(StringIO()) as told:
        assert main.run(words) == 0
    return out, told.getvalue()


def test_a_report(explained: tuple[Path, str], finetuned: Path, small_data: Path) -> None:
    out, told = explained
    found = json.loads((out / "explain.json").read_text())
    assert files(out) == {"report.html", "explain.json"} | {
        f"pictures/{i + 1:03d}-{one['id']}.png" for i, one in enumerate(found["samples"])
    }
    assert told.startswith("SIMULATED DATA what carried b's answers to 2 samples of small simul")
    assert f"written  {out / 'report.html'}" in told
    assert max(len(line) for line in told.splitlines() if "written" not in line) <= 100
    assert "  regions, taken out " in told and told.count("few samples") == 7
    assert found["simulated"] == ["these images", "the images that the model learned from"]
    samples = open_dataset(small_data)
    test = json.loads((finetuned / "split.json").read_text())
    assert found["bands"]["replaced_by"].endswith(
        f"{len(test['train'])} samples that the model learned from"
    )
    assert found["bands"]["unit"] == "nm" and len(found["bands"]["places"]) == 3
    for one in found["samples"]:
        assert one["id"] in samples.keys and one["class"] in found["model"]["classes"]
        maps = one["maps"]
        assert set(maps) == {"bands", "tiles", "regions"}
        assert set(maps["bands"]) == {"occlusion", "relevance", "rollout"}
        assert set(maps["regions"]) == {"occlusion"}
        assert np.shape(maps["bands"]["occlusion"]) == (3,)
        assert np.shape(maps["tiles"]["rollout"]) == (2, 2)
        assert np.shape(maps["regions"]["occlusion"]) == (6, 6)
        for by in ("relevance", "rollout"):
            whole = np.sum(maps["bands"][by]) + np.sum(maps["tiles"][by])
            assert whole == pytest.approx(1, abs=1e-4)
        assert len(one["gain"]) == 7
    checked = {(row["kind"], row["method"]): row for row in found["trust"]}
    assert len(checked) == 7 and {row["samples"] for row in checked.values()} == {2}
    for row in checked.values():
        assert abs(row["like_random_weights"]) <= 1 and abs(row["gain"]) < 1
        assert "checked on too few samples (2) to tell" in row["doubts"]
    regions = checked["regions", "occlusion"]
    assert regions["like_random_weights"] < 0.8  # the same model again: 1
    picture = np.asarray(Image.open(next((out / "pictures").iterdir())).convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


def test_the_same_twice(
    capsys: pytest.CaptureFixture[str],
    explained: tuple[Path, str],
    finetuned: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    """By ids, in another order, over an earlier report: the same numbers to rounding."""
    out, _ = explained
    first = json.loads((out / "explain.json").read_text())["samples"]
    ids = [one["id"] for one in first]
    words = ("explain", finetuned, small_data, f"--out={tmp_path / 'r'}", "--check=0")
    assert run(capsys, *words, f"--ids={ids[1]}").code == 0
    assert "holds a report already" in mistakes(run(capsys, *words, f"--ids={ids[1]}"))[0]
    assert run(capsys, *words, f"--ids={ids[1]}, {ids[0]}", "--overwrite=true").code == 0
    found = json.loads((tmp_path / "r" / "explain.json").read_text())
    assert [one["id"] for one in found["samples"]] == ids[::-1]
    assert found["trust"] == [] and found["samples"][0]["gain"] == []
    for one, other in zip(found["samples"], first[::-1], strict=True):
        for kind, maps in one["maps"].items():
            for method, values in maps.items():
                np.testing.assert_allclose(values, other["maps"][kind][method], atol=1e-5)
    assert "Not checked" in (tmp_path / "r" / "report.html").read_text()


def test_against_a_class_and_other_windows(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r"
    words = ("explain", finetuned, small_data, f"--out={out}", "--count=1", "--check=0")
    assert run(capsys, *words, "--against=second", "--window=2").code == 0
    found = json.loads((out / "explain.json").read_text())
    assert found["samples"][0]["against"] in found["model"]["classes"]
    assert found["samples"][0]["against"] != found["samples"][0]["class"]
    more = ("--against=a. lappa", "--window=0.001nm", f"--reference={small_data}")
    ran = run(capsys, *words, *more, "--overwrite=true")
    assert ran.code == 0, ran.err
    found = json.loads((out / "explain.json").read_text())
    assert found["against"] == "a. lappa" and found["bands"]["window"] == 0.001
    assert "76 samples of small simulated seeds" in found["bands"]["replaced_by"]


def test_a_camera_s_files(
    capsys: pytest.CaptureFixture[str], finetuned: Path, tmp_path: Path
) -> None:
    raw, out = tmp_path / "raw", tmp_path / "r"
    made = run(capsys, "data", "simulate", raw, "--layout=cubes", "--per-class=1", "--bands=12")
    assert made.code == 0, made.err
    ran = run(capsys, "explain", finetuned, raw, f"--out={out}", "--count=1", "--check=1",
              "--workers=1")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "what carried b's answers to 1 sample of raw" in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "raw"]


def test_mistakes(
    capsys: pytest.CaptureFixture[str],
    finetuned: Path,
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    out = f"--out={tmp_path / 'r'}"

    def wrong(*words: object) -> list[str]:
        return mistakes(run(capsys, "explain", *words, out))

    (line,) = wrong(finetuned, small_data, "--against=oats")
    assert "--against 'oats' is no class of this model; expected rest, second" in line
    (line,) = wrong(finetuned, small_data, "--taken-out=absent")
    assert "this model needs all of its bands; only one of any sensor reads fewer" in line
    (line,) = wrong(finetuned, small_data, "--ids=nobody,x")
    assert "no sample is called nobody, x; ids are such as" in line
    (line, _) = wrong(finetuned, small_data, "--ids=, ")
    assert "names no sample" in line
    (line,) = wrong(pretrained, small_data)
    assert "a pretrained model (BiMAE), but a fine-tuned classifier" in line
    (line,) = wrong(finetuned, tmp_path / "nothing")
    assert "nothing" in line
    count, check, window, _ = wrong(finetuned, small_data, "--count=0", "--check=-1", "--window=x")
    assert "count is 0" in count and "check is -1" in check and "expected auto, a width" in window
    (line, _) = wrong(finetuned, small_data, "--window=0nm")
    assert "must be wider than 0" in line
    assert not (tmp_path / "r").exists()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("x")
    (line,) = wrong(finetuned, small_data)
    assert "holds other files; name another --out" in line


@needs_browser
def test_the_page_in_a_browser(explained: tuple[Path, str], browser: Browser) -> None:
    page = explained[0] / "report.html"
    found = browser.attributes(page)
    assert "errors" not in found
    assert (found["ready"], found["images"], found["broken"]) == ("yes", "10", "0")
    log = browser.log(page)
    assert not [line for line in log.splitlines() if "CONSOLE" in line or "Refused" in line]
    light = browser.screenshot(page)
    dark = browser.screenshot(page, "", "--blink-settings=preferredColorScheme=0")
    assert light.mean() > 200 and dark.mean() < 90
    # labels at the end of an axis are not cut off, however many digits they have
    cut = browser.play(
        page,
        """
        for (const svg of document.querySelectorAll("svg:has(.tick)")) {
          const label = [...svg.querySelectorAll(".tick")].at(-1);
          label.setAttribute("text-anchor", "middle");
          label.setAttribute("x", svg.querySelector(".grid").getAttribute("x2"));
          label.textContent = "1000";
          const box = label.getBBox();
          told.push(box.width > 10 && box.x + box.width <= svg.viewBox.baseVal.width);
        }
        """,
    )
    assert len(cut) > 2 and set(cut) == {True}  # type: ignore[arg-type, call-overload]
    orange = (light[..., 0] > 200) & (light[..., 1] < 150) & (light[..., 2] < 90)
    assert orange.sum() > 100


@needs_browser
def test_in_a_purity_report(
    capsys: pytest.CaptureFixture[str],
    finetuned: Path,
    small_data: Path,
    browser: Browser,
    tmp_path: Path,
) -> None:
    words = ("purity", finetuned, small_data, "--crop=b. napus", "--calibrated=false", "--most=2")
    plain = run(capsys, *words, f"--out={tmp_path / 'plain'}", "--pdf=false")
    ran = run(capsys, *words, f"--out={tmp_path / 'why'}", "--explain=true", "--pdf=true")
    assert plain.code == ran.code == 0, ran.err
    assert 'id="why"' not in (tmp_path / "plain" / "report.html").read_text()
    page = tmp_path / "why" / "report.html"
    found = browser.attributes(page, "#seed=0")
    assert "errors" not in found and found["broken"] == "0"
    told = browser.play(
        page,
        """
        told.push(all(".card .maps img").length, all(".card .falls .for").length);
        open(visible()[0]);
        told.push(all("#large-content .maps img").length, all("#large-content .falls").length);
        """,
    )
    assert told == [6, 2, 3, 1]
    # on paper, where they are small, maps have fewer pixels
    assert files(tmp_path / "why") == {"report.html", "report.json", "report.pdf", "seeds.csv"}
    pdf = (tmp_path / "why" / "report.pdf").read_bytes()
    sides = [int(side) for side in re.findall(rb"/Width (\d+)", pdf)]
    assert sides.count(PAPER_SIDE) == 6 and max(sides) < 192
