from pathlib import Path

import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, write_tfrecords
from bimae.report.inspect import MARK
from tests.cli.run import mistakes, run
from tests.data.small_samples import sample


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_tfrecords(folder, [sample(i, label="ab"[i % 2]) for i in range(6)])
    return folder


def test_the_page_lies_in_the_data_folder(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    before = set(data.iterdir())
    ran = run(capsys, "data", "inspect", data, "--per-class", "2")
    assert ran.code == 0
    assert set(data.iterdir()) - before == {data / "inspect.html"}
    assert f"page     {data / 'inspect.html'}" in ran.out
    assert "6 samples, 2 classes, 5 bands; all read" in ran.out
    assert "- The wavelengths are unknown" in ran.out
    html = (data / "inspect.html").read_text(encoding="utf-8")
    assert html.count('<figure class="card">') == 4
    # its own earlier page does not disturb the data, and is replaced only when told to
    words = ("data", "inspect", data, "--per-class", "1")
    (line,) = mistakes(run(capsys, *words))
    assert "is an earlier page; name another --out, or --overwrite it" in line
    assert (data / "inspect.html").read_text(encoding="utf-8") == html
    assert run(capsys, *words, "--overwrite").code == 0
    assert (data / "inspect.html").read_text(encoding="utf-8") != html


def test_a_file_or_a_glob_is_drawn_here(
    capsys: pytest.CaptureFixture[str],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(capsys, "data", "inspect", data / "*.tfrecord")
    assert ran.code == 0
    assert "page     inspect.html" in ran.out
    assert MARK in (tmp_path / "inspect.html").read_text(encoding="utf-8")


def test_simulated_data_are_called_so(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    DatasetInfo("made up", simulated=True).save(data)
    ran = run(capsys, "data", "inspect", data, "--out", data.parent / "new" / "page.html")
    assert "6 SIMULATED samples" in ran.out
    html = (data.parent / "new" / "page.html").read_text(encoding="utf-8")
    assert "<strong>SIMULATED</strong>" in html and "<title>SIMULATED: made up" in html


def test_a_foreign_file_stays(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    foreign = data / "inspect.html"
    foreign.write_text("my notes")
    (line,) = mistakes(run(capsys, "data", "inspect", data))
    assert "is no page of this command" in line and "--overwrite" in line
    assert foreign.read_text() == "my notes"
    assert run(capsys, "data", "inspect", data, "--overwrite").code == 0
    assert MARK in foreign.read_text(encoding="utf-8")


def test_a_folder_in_the_way(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    (data.parent / "a.html").mkdir()
    (line,) = mistakes(run(capsys, "data", "inspect", data, "--out", data.parent / "a.html"))
    assert "is a folder" in line


def test_every_mistake_is_told(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    wrong = ("--per-class=0", "--seed=-1", "--most=0", "--bands=reddish", "--out=page.pdf")
    lines = mistakes(run(capsys, "data", "inspect", data, *wrong))
    assert len(lines) == 6
    assert any("reddish" in line for line in lines)
    assert not (data / "inspect.html").exists()


def test_bands_that_the_data_do_not_have(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    (line,) = mistakes(run(capsys, "data", "inspect", data, "--bands=550nm"))
    assert "wavelengths of this sensor are unknown" in line
    assert not (data / "inspect.html").exists()


def test_no_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (line,) = mistakes(run(capsys, "data", "inspect", tmp_path / "none"))
    assert "found no such file or folder" in line


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["data", "inspect", "--help"])
    told = capsys.readouterr().out
    for option in ("--out", "--per-class", "--bands", "--seed", "--most", "--overwrite"):
        assert option in told
