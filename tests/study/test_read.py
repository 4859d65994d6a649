from pathlib import Path

import pytest

from bimae.errors import ConfigError
from bimae.study.config import Sensor
from bimae.study.read import read_study
from tests.study.fake import study_file

TEXT = """
name: crowns
data: {crowns: {fold0: a, fold1: b}}
pretrain:
  long: {epochs: 5, learning-rate: 1e-3, compile: off}
methods:
  scratch: {kind: finetune, shots: [all]}
  tuned: {kind: finetune, from: long, options: {epochs: 2}, sensors: [both, 5 bands]}
  one: {kind: finetune, options: {any_sensor: true}}
  frozen: {kind: probe, from: long}
  few: {kind: probe, from: long, probes: [lda, linear]}
  classical: {kind: baseline, options: {methods: "svm-spectra, linear-rgb"}}
shots: [10, 1, all]
seeds: [0, 2]
sensors:
  both: {modality: bimodal}
  RGB: {modality: rgb}
  5 bands: {modality: hs, bands: [480nm, 550nm]}
grid: {rows: [one], columns: [both, RGB]}
limits: {minutes: 60}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "s.yaml"
    path.write_text(text)
    return path


def test_a_whole_study(tmp_path: Path) -> None:
    study, problems = read_study(written(tmp_path, TEXT))
    assert problems == []
    assert [str(fold) for fold in study.folds] == ["crowns, fold0", "crowns, fold1"]
    # Texts as typed: YAML would make False of off, and a text of 1e-3.
    options = {"epochs": "5", "learning_rate": "1e-3", "compile": "off"}
    assert dict(study.pretrain[0].options) == options
    names = [method.name for method in study.methods]
    assert names == [
        "scratch",
        "tuned",
        "one",
        "frozen: linear",
        "frozen: knn",
        "frozen: lda",
        "few: lda",
        "few: linear",
        "classical: svm-spectra",
        "classical: linear-rgb",
    ]
    scratch, tuned, one, linear, *_, rgb = study.methods
    assert (scratch.shots, tuned.shots) == (("all",), ("10", "1", "all"))
    assert tuned.sensors == (Sensor("both"), Sensor("5 bands", "hs", "480nm,550nm"))
    assert one.any_sensor and not tuned.any_sensor
    assert dict(linear.options) == {"control": "false"}
    assert dict(rgb.options) == {"methods": "linear-rgb,svm-spectra"}
    assert (linear.row, rgb.row) == ("linear", "linear-rgb")
    assert study.shots == ("1", "10", "all")
    assert study.grid is not None and study.grid.shots == "all"
    assert study.minutes == 60


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = """
nmae: x
data: {crowns: {fold0: []}}
pretrain: {long: {out: x, seed: many}}
methods:
  a: {kind: finetun}
  b: {kind: finetune, from: lnog, option: {}, sensors: [bth]}
  c: {kind: finetune, options: {bands: all, epochs: 1}}
  d: {kind: baseline, from: long, options: {balanced: false}}
  e: {kind: finetune, probes: [linear]}
  f: {kind: probe, probes: [lba]}
shots: [0, 5, 5]
seeds: [x]
sensors: {both: {modality: bimodl}, rgb: {modality: rgb, bands: all}}
grid: {rows: [bb, d], columns: [both]}
limits: {minutes: 0, hours: 1}
"""
    _, problems = read_study(written(tmp_path, text))
    told = "\n".join(problems)
    for part in (
        "'nmae' is not known; did you mean 'name'?",
        "data.crowns.fold0: found []",
        "pretrain.long: 'out' is the study's own",
        "pretrain.long.seed: found 'many'",
        "methods.a.kind: found 'finetun'; did you mean 'finetune'?",
        "methods.b.from: 'lnog' is no pretraining; did you mean 'long'?",
        "methods.b: 'option' is not known; did you mean 'options'?",
        "methods.b.sensors: 'bth' is not known; did you mean 'both'?",
        "methods.c.options: 'bands' is the study's own; say it under `sensors`",
        "methods.d.from: found 'long'; a baseline starts from nothing",
        "methods.d.options: `methods` is expected",
        "methods.e.probes: is for kind probe",
        "methods.f.probes: 'lba' is not known; did you mean 'lda'?",
        "shots: found '0'",
        "shots: '5' is given twice",
        "seeds: found 'x'",
        "sensors.both.modality: found 'bimodl'; did you mean 'bimodal'?",
        "sensors.rgb: modality rgb reads no bands",
        "grid.rows: 'bb' is not known",
        "limits: 'hours' is not known",
        "limits.minutes: found '0'",
    ):
        assert part in told, part
    assert len(problems) == len(set(problems))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not readable as YAML"),
        ("- a", "are expected"),
        ("", "are expected"),
        ("name: a\nname: b", "'name' is given twice"),
        ("methods: {a: {kind: probe}, a: {kind: probe}}", "'a' is given twice"),
    ],
)
def test_no_study_at_all(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_study(written(tmp_path, text))


@pytest.mark.parametrize("value", ["[]", "x", "{a: {b: {c: d}}}", "[[x]]", "{? [a] : b}", "''"])
@pytest.mark.parametrize(
    "key", ["name", "data", "pretrain", "methods", "shots", "seeds", "sensors", "grid", "limits"]
)
def test_any_value_anywhere_is_read_or_told(tmp_path: Path, key: str, value: str) -> None:
    try:
        read_study(written(tmp_path, f"{key}: {value}"))  # no traceback
    except ConfigError as error:
        assert "YAML" in str(error)


def test_a_teacher_is_a_pretraining_above(tmp_path: Path) -> None:
    declared = {
        "data": {"crowns": "a"},
        "pretrain": {
            "small": {"model": "mae_vit_small_patch24"},
            "pupil": {"teacher": "small", "feature_weight": 2},
        },
        "methods": {"m": {"kind": "finetune", "from": "pupil"}},
    }
    study, problems = read_study(study_file(tmp_path, **declared))
    assert problems == []
    assert [(p.verb, p.teacher) for p in study.pretrain] == [
        ("pretrain", None),
        ("distill", "small"),
    ]
    assert dict(study.pretrain[1].options) == {"feature_weight": "2"}
    declared["pretrain"]["pupil"]["teacher"] = "smal"  # type: ignore[index]
    (problem,) = read_study(study_file(tmp_path, **declared))[1]
    assert problem.startswith("pretrain.pupil.teacher: 'smal' is no pretraining declared above it")
    assert "small" in problem
    declared["pretrain"] = {"pupil": {"teacher": "pupil"}}
    (problem,) = read_study(study_file(tmp_path, **declared))[1]
    assert "there is none" in problem


def test_pretraining_on_other_records(tmp_path: Path) -> None:
    path = study_file(
        tmp_path,
        data={"crowns": {"fold0": "a", "fold1": "b"}, "pines": "c"},
        pretrain={"windows": {"data": {"crowns": {"fold0": "wa", "fold1": "wb"}, "pines": "wc"}}},
        methods={"m": {"kind": "finetune", "from": "windows"}},
    )
    study, problems = read_study(path)
    assert problems == []
    paths = [str(study.pretrain[0].path(fold)) for fold in study.folds]
    assert paths == ["wa", "wb", "wc"]
    (tmp_path / "study.yaml").write_text(path.read_text().replace("fold1: wb", "fold2: wb"))
    told = "\n".join(read_study(path)[1])
    assert "nothing for crowns, fold1" in told
