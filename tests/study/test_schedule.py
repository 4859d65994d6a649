import json
from dataclasses import replace
from pathlib import Path

import pytest

from bimae.errors import ConfigError, DataError
from bimae.study import schedule as room
from bimae.study.cells import CellFolder, alone
from bimae.study.commands import figures
from bimae.study.plan import Cell
from bimae.study.schedule import Schedule
from tests.study.fake import FakeBimae

DATA = Path("data")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PAUSE", 0)


def cell(key: str, weights: str | None = None, **more: object) -> Cell:
    verb = "finetune"
    if key.startswith("p"):
        verb, more = "pretrain", {"model": True} | more
    return Cell(key, verb, f"cell {key}", DATA, seed=0, weights=weights, **more)  # type: ignore[arg-type]


def test_done_cells_are_never_run_again(tmp_path: Path) -> None:
    cells = [cell("p"), cell("a", "p"), cell("b")]
    first, second = FakeBimae(), FakeBimae()
    assert len(Schedule(tmp_path, start=first).run(cells).done) == 3
    assert len(first.calls) == 3
    assert Schedule(tmp_path, start=second).run(cells).done == []
    assert second.calls == []
    Schedule(tmp_path, start=second).run([*cells, cell("c")])
    assert len(second.calls) == 1


def test_what_a_done_cell_keeps(tmp_path: Path) -> None:
    cells = [cell("p"), cell("a", "p"), cell("k", keep=True)]
    Schedule(tmp_path, start=FakeBimae()).run(cells)
    left = {
        key: sorted(p.name for p in (tmp_path / "cells" / key / "run").iterdir()) for key in "pak"
    }
    assert left == {
        "p": ["model"],
        "a": ["results.json"],
        "k": ["checkpoints", "model", "results.json"],
    }
    found = json.loads((tmp_path / "cells" / "a" / "result.json").read_text())
    assert found["accuracy"] == 0.75
    assert found["confusion"] == [[3, 1], [1, 3]]
    assert found["command"][:2] == ["bimae", "finetune"]


def test_a_failure_is_kept_and_told_and_tried_again(tmp_path: Path) -> None:
    cells = [cell("p"), cell("a", "p"), cell("b")]
    lines: list[str] = []
    fails = FakeBimae(fails=lambda line: line.startswith("pretrain"))
    outcome = Schedule(tmp_path, start=fails, tell=lines.append).run(cells)
    assert set(outcome.failed) == {"p", "a"}
    assert [c.key for c in outcome.done] == ["b"]
    error = CellFolder(tmp_path, cells[0]).error()
    assert error is not None and error.startswith("exit code 2") and "no luck" in error
    assert len(lines) == 3
    assert "no luck" in lines[0] or "no luck" in lines[1]
    mended = FakeBimae()
    assert len(Schedule(tmp_path, start=mended).run(cells).done) == 2
    assert CellFolder(tmp_path, cells[0]).error() is None


def test_a_run_without_figures_has_failed(tmp_path: Path) -> None:
    class Nothing(FakeBimae):
        def __call__(self, words, log, threads):  # type: ignore[no-untyped-def]
            process = super().__call__(words, log, threads)
            (log.parent / "run" / "results.json").write_text('{"accuracy": 2, "macro_f1": 0.5}')
            return process

    outcome = Schedule(tmp_path, start=Nothing()).run([cell("a")])
    assert "no accuracy" in outcome.failed["a"]


def test_several_at_a_time_share_the_cores(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(room, "cores", lambda: 5)
    most = 0

    class Watched(FakeBimae):
        def __call__(self, words, log, threads):  # type: ignore[no-untyped-def]
            nonlocal most
            process = super().__call__(words, log, threads)
            most = max(most, sum(p.looks >= 0 for p in self.processes))
            return process

    start = Watched(looks=lambda line: 3)
    cells = [cell("p"), *(cell(f"a{i}", "p") for i in range(6))]
    outcome = Schedule(tmp_path, jobs=2, start=start).run(cells)
    assert len(outcome.done) == 7
    assert most == 2
    assert set(start.threads) == {2}


def test_ctrl_c_ends_what_runs_and_leaves_what_is_done(tmp_path: Path) -> None:
    cells = [cell("a"), cell("b"), cell("c")]

    class Pressed(FakeBimae):
        def __call__(self, words, log, threads):  # type: ignore[no-untyped-def]
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().__call__(words, log, threads)

    start = Pressed(looks=lambda line: 0 if "/a/" in line else 10**6)
    with pytest.raises(KeyboardInterrupt):
        Schedule(tmp_path, jobs=2, start=start).run(cells)
    assert [CellFolder(tmp_path, c).state for c in cells] == ["done", "open", "open"]
    assert start.processes[1].stopped
    assert not (tmp_path / "cells" / "b" / "run").exists()
    again = FakeBimae()  # what is half there goes first; the fake asserts it
    Schedule(tmp_path, start=again).run(cells)
    assert len(again.calls) == 2


def test_limits(tmp_path: Path) -> None:
    cells = [cell("a"), cell("b")]
    outcome = Schedule(tmp_path, minutes=1e-12, start=FakeBimae()).run(cells)
    assert [c.key for c in outcome.left] == ["a", "b"]
    slow = FakeBimae(looks=lambda line: 10**9)
    outcome = Schedule(tmp_path, cell_minutes=1e-9, start=slow).run(cells)
    assert "stopped after" in outcome.failed["a"]
    assert all(process.stopped for process in slow.processes)


def test_a_pretraining_whose_model_is_gone_is_made_again(tmp_path: Path) -> None:
    cells = [cell("p"), cell("a", "p")]
    Schedule(tmp_path, start=FakeBimae()).run(cells)
    (tmp_path / "cells/p/run/model/config.json").unlink()
    (tmp_path / "cells/p/run/model").rmdir()
    again = FakeBimae()
    Schedule(tmp_path, start=again).run([*cells, cell("b", "p")])
    assert [line.split()[0] for line in again.calls] == ["pretrain", "finetune"]


def test_figures_that_an_earlier_version_did_not_leave_are_made(tmp_path: Path) -> None:
    probe = Cell("q", "probe", "cell q", DATA, seed=0, rows=("linear",))
    Schedule(tmp_path, start=FakeBimae()).run([probe])
    path = tmp_path / "cells" / "q" / "result.json"
    found = json.loads(path.read_text())
    del found["rows"]["lda"]
    path.write_text(json.dumps(found))
    again = FakeBimae()
    assert Schedule(tmp_path, start=again).run([probe]).done == []
    more = replace(probe, rows=("linear", "lda"))
    assert CellFolder(tmp_path, more).state == "open"
    assert Schedule(tmp_path, start=again).run([more]).done == [more]
    result = CellFolder(tmp_path, more).result()
    assert result is not None and "lda" in result["rows"]
    other = replace(probe, rows=("linear", "svm"))
    outcome = Schedule(tmp_path, start=again).run([other])
    assert "no figures of svm" in outcome.failed["q"]
    # what is damaged is told where it is read
    Schedule(tmp_path, start=again).run([more])
    path.write_text("{")
    with pytest.raises(DataError, match="remove"):
        CellFolder(tmp_path, more).result()


def test_a_real_process_is_ended_with_what_it_started(tmp_path: Path) -> None:
    process = room.start_bimae(["--version"], tmp_path / "log.txt", 1)
    while process.poll() is None:
        pass
    assert process.poll() == 0
    assert "bimae" in (tmp_path / "log.txt").read_text()
    process = room.start_bimae(["data", "simulate", str(tmp_path / "d")], tmp_path / "log.txt", 1)
    process.stop()
    assert process.poll() not in (None, 0)


def test_one_study_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(ConfigError, match="another bimae study"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_figures_of_each_verb(tmp_path: Path) -> None:
    row = {"accuracy": 0.5, "macro_f1": 0.25}
    rows = [row | {"method": "x"}, row | {"method": "y", "accuracy": 1}]
    (tmp_path / "baselines.json").write_text(json.dumps({"rows": rows}))
    found = figures("baselines", tmp_path, {"methods": "y"})["rows"]
    assert found == {"y": {"accuracy": 1, "macro_f1": 0.25}}
    with pytest.raises(DataError):
        figures("baselines", tmp_path, {"methods": "y,z"})
    rows.append(row | {"method": "x", "accuracy": 0})  # a control
    (tmp_path / "probe.json").write_text(json.dumps({"rows": rows}))
    found = figures("probe", tmp_path, {})["rows"]
    assert {name: each["accuracy"] for name, each in found.items()} == {"x": 0.5, "y": 1}
    with pytest.raises(DataError, match=r"results\.json: not readable"):
        figures("finetune", tmp_path, {})
