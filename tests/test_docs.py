"""The commands of pages of docs/, run as they stand there."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from bimae.cli import main
from bimae.data import open_dataset
from bimae.data.simulate.raw import LAYOUTS

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "bring-your-own-data.md"
TUTORIAL = DOCS / "tutorial.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path = PAGE) -> list[list[str]]:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def test_every_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(commands()) > 15
    for words in commands():
        assert words[0] == "bimae"
        code = main.run(words[1:])
        captured = capsys.readouterr()
        # An empty directory has few seeds: check may warn, but nothing may be wrong.
        assert code == 0, (words, captured.out, captured.err)
        if words[1:3] == ["data", "import"]:
            assert "SIMULATED" in captured.out
            samples = open_dataset(words[4])
            assert len(samples) >= 10
            assert samples.info.simulated
            assert (samples.wavelengths_nm is None) == samples.info.photos_alone
            assert len(samples.classes) >= 4
            assert None not in samples.labels


def test_every_layout_has_an_example():
    pages = [*commands(), *commands(TUTORIAL)]
    shown = {words[words.index("--layout") + 1] for words in pages if "--layout" in words}
    assert shown == set(LAYOUTS)


@pytest.mark.parametrize("layout", ["folders", "cubes"])
def test_an_example_is_the_same_twice(tmp_path, layout):
    fingerprints = set()
    for name in ("a", "b"):
        raw, out = tmp_path / f"raw{name}", tmp_path / name
        make = ["data", "simulate", raw, "--layout", layout, "--per-class", 1, "--bands", 6]
        assert main.run([str(word) for word in make]) == 0
        assert main.run(["data", "import", str(raw), str(out)]) == 0
        fingerprints.add(open_dataset(out).fingerprint)
    assert len(fingerprints) == 1


def test_the_page_on_predicting_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "predict.md").read_text(encoding="utf-8")
    columns = set()
    for words in commands(DOCS / "predict.md"):
        assert main.run(words[1:]) == 0, (words, capsys.readouterr())
        if words[1] != "predict":
            continue
        out = Path(words[words.index("--out") + 1])
        with out.open(newline="") as file:
            found = [*map(json.loads, file)] if out.suffix == ".jsonl" else [*csv.DictReader(file)]
        assert len(found) > 3
        columns |= set(found[0])
    assert (tmp_path / "tray.csv.import" / "trays").is_dir()
    for name in columns - {name for name in columns if name.startswith("p(")}:
        assert f"`{name}`" in page, f"docs/predict.md does not speak of {name}"


def test_the_page_on_export_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxscript", reason="bimae[export] is not installed")
    monkeypatch.chdir(tmp_path)
    for words in commands(DOCS / "export.md"):
        assert main.run(words[1:]) == 0, (words, capsys.readouterr())
    page = (DOCS / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.splitlines()[-1] in open_dataset("data/seeds").classes
    for path in ("answers.csv", "runs/b/model.onnx", "runs/b/model.pt2"):
        assert Path(path).stat().st_size > 0


# Fewer seeds, bands and rounds than the page has, which takes a quarter of an hour; nothing else.
SMALLER = {"--per-class": "12", "--bands": "8", "--rgb-size": "48"}


def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = TUTORIAL.read_text(encoding="utf-8")
    lines = commands(TUTORIAL)
    verbs = [words[1] for words in lines]
    assert verbs.index("calibrate") < verbs.index("predict") < verbs.index("purity")
    for words in lines:
        for option, smaller in SMALLER.items():
            if option in words:
                words[words.index(option) + 1] = smaller
        if "--epochs" in words and words[words.index("--epochs") + 1] != "0":
            words[words.index("--epochs") + 1] = "1"
        assert main.run(words[1:]) == 0, (words, capsys.readouterr())
        if words[1] in ("data", "predict", "purity") and words[2] != "inspect":
            assert "simulated" in capsys.readouterr().out.lower(), words
    # every file that the page sends its reader to
    named = set(re.findall(r"`((?:runs|data|raw|lot)[\w.-]*/[\w./ -]+\.\w+|\w+\.html)`", page))
    assert {"trays.html", "lot.csv.import/trays/lot.png", "lot-report/report.html"} <= named
    for name in named:
        assert Path(name).is_file(), name
    with Path("lot.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 20
    for column in ("number", "flags", "class", "probability", "set", "rejected"):
        assert column in answers[0] and f"`{column}`" in page
    assert "label" not in answers[0]  # the scan's folder is called `lot`, which is no class
    for picture in re.findall(r"\]\((images/[^)]+)\)", page):
        assert (DOCS / picture).stat().st_size < 300_000


def test_the_page_on_explaining_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "explain.md").read_text(encoding="utf-8")
    for words in commands(DOCS / "explain.md"):
        assert main.run(words[1:]) == 0, (words, capsys.readouterr())
    for name in ("explained", "second"):
        found = json.loads((tmp_path / name / "explain.json").read_text())
        keys = {*found, *found["samples"][0], *(key for row in found["trust"] for key in row)}
        for key in keys | set(found["bands"]):
            assert f"`{key}`" in page, f"docs/explain.md does not speak of {key}"


def test_every_page_is_linked_as_a_page():
    """Relative links lead somewhere, and no page is named as a path that nobody can click."""
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")
    pages = [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"]
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target, _ in link.findall(text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
        assert "(docs/" not in link.sub("", prose), page.name
