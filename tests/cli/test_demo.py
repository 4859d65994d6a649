"""`bimae demo`: the whole of it, and one that is stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from bimae.cli import finetune
from bimae.cli.demo_record import Record
from bimae.errors import ConfigError
from tests.cli.run import mistakes, run

STAGES = {"data", "pretrain"}
SMALL = ("--per-class=4", "--pretrain-epochs=1", "--finetune-epochs=1", "--bands=step_60")


@pytest.mark.slow
def test_a_demo_that_is_stopped_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The whole of it, as small as it gets; the real sizes are for people and take minutes."""
    out = tmp_path / "demo"
    words = ("demo", "--out", out, *SMALL)
    whole, begun = finetune.run, []

    def stopped_at_the_second(options: Any) -> Any:
        begun.append(options.out.name)
        if len(begun) == 2:
            options.out.mkdir()
            (options.out / "half.txt").write_text("half a run")
            raise KeyboardInterrupt
        return whole(options)

    monkeypatch.setattr(finetune, "run", stopped_at_the_second)
    ran = run(capsys, *words)
    assert ran.code == 130
    assert f"the same command goes on after the stages that are done ({out})" in ran.err
    assert not (out / "comparison.json").exists()
    assert "of another version or other options" in mistakes(run(capsys, *words, "--seed=1"))[0]
    kept = (out / "pretrain" / "model" / "model.safetensors").stat().st_mtime_ns

    ran = run(capsys, *words, "--overwrite")  # as `make demo` says it
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"note: going on with the demo that was stopped in {out}")
    assert ran.out.count("done already") == 3
    assert begun == ["both-pretrained", *["RGB-only-pretrained"] * 2, "spectra-only-pretrained",
                     "both-from-scratch", "both-discriminant"]  # fmt: skip
    assert (out / "pretrain" / "model" / "model.safetensors").stat().st_mtime_ns == kept
    assert not (out / "RGB-only-pretrained" / "half.txt").exists()
    assert not (out / "stopped.json").exists()
    comparison = json.loads((out / "comparison.json").read_text())
    assert [row["what"] for row in comparison["rows"]] == [
        "both, pretrained",
        "RGB only, pretrained",
        "spectra only, pretrained",
        "both, from scratch",
        "both, discriminant",
        "linear baseline on mean spectra",
    ]
    for row in comparison["rows"]:
        assert row["what"] in ran.out
        assert 0 <= row["accuracy"] <= 1
    assert comparison["seconds"] >= 1
    assert "SIMULATED" in ran.out
    for line in ran.out[ran.out.index("look first at") :].splitlines()[1:]:
        assert Path(line.strip()).is_file()
    assert "holds a demo already" in mistakes(run(capsys, *words))[0]


def begun(out: Path, *, seed: int = 0, overwrite: bool = False) -> Record:
    return Record.begun(out, {"seed": seed}, STAGES, overwrite=overwrite)


def test_stages_are_done_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    record = begun(out)
    assert capsys.readouterr().out == ""
    assert record.begins("data")
    (out / "data").mkdir()
    record.ends("data", accuracy=0.5)
    assert record.begins("pretrain")
    (out / "pretrain").mkdir()
    (out / "pretrain" / "half").write_text("")

    again = begun(out)  # stopped there
    assert "going on" in capsys.readouterr().out
    assert not again.begins("data") and again.done["data"] == {"accuracy": 0.5}
    assert again.begins("pretrain") and not (out / "pretrain").exists()
    (out / "data").rmdir()
    assert again.begins("data")  # somebody cleared it away


def test_what_is_replaced_and_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    begun(out)
    with pytest.raises(ConfigError, match="of another version or other options, which was stopped"):
        begun(out, seed=1)
    record = begun(out, seed=1, overwrite=True)
    assert "the earlier demo" in capsys.readouterr().out and record.done == {}
    record.finish({"rows": []})
    assert {path.name for path in out.iterdir()} == {"comparison.json"}
    with pytest.raises(ConfigError, match="holds a demo already; name another --out, or --overwr"):
        begun(out, seed=1)
    assert begun(out, seed=1, overwrite=True).done == {}
    assert {path.name for path in out.iterdir()} == {"stopped.json"}
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match="holds other files"):
        begun(tmp_path, overwrite=True)
    with pytest.raises(ConfigError, match="is a file"):
        begun(tmp_path / "thesis.txt")
