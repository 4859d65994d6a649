import csv
import json
import shutil
from pathlib import Path

import pytest

from bimae.cli import study as verb
from bimae.cli.study import StudyOptions, judge
from bimae.data import DatasetInfo, write_tfrecords
from bimae.errors import ConfigError
from bimae.study import schedule
from tests.cli.run import files, mistakes, run
from tests.data.small_samples import sample
from tests.study.fake import FakeBimae, study_file

FAST = {"epochs": 1, "batch_size": 16, "precision": "32", "logger": "none"}
PICTURES = {"labels-seeds.png", "grid-seeds.png", "confusion-seeds.png"}
TABLES = {"table.md", "results.csv", "results.json", "study.yaml", ".lock"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PAUSE", 0)


def declared(data: Path, /, **changed: object) -> dict[str, object]:
    return {
        "name": "small",
        "data": {"seeds": str(data)},
        "pretrain": {"long": FAST},
        "methods": {
            "tuned": {"kind": "finetune", "from": "long", "options": FAST, "sensors": ["both"]},
            "scratch": {"kind": "finetune", "options": FAST},
            "frozen": {"kind": "probe", "from": "long", "sensors": "both"},
            "classical": {"kind": "baseline", "options": {"methods": "majority, linear-spectra"}},
        },
        "shots": ["1", "all"],
        "seeds": ["0", "1"],
        "sensors": {"both": {}, "RGB": {"modality": "rgb"}, "3 bands": {"bands": "step_4"}},
        "grid": {"rows": ["tuned", "scratch"]},
    } | changed


@pytest.fixture
def fixed(small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The small data with a split of its own, which has 1 training sample per class at least."""
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    words = ("data", "split", data, "--by", "class-balanced", "--ratios", ".5", ".25", ".25")
    assert run(capsys, *words).code == 0
    return data


def test_a_study_from_file_to_table(
    fixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = study_file(tmp_path, **declared(fixed)), tmp_path / "out"
    start = FakeBimae()
    assert verb.run(StudyOptions(path, out, jobs=2), start) == 0
    # seeds x shots x (tuned 1 + scratch 3 + frozen 1 + classical 1), and a pretraining per seed
    assert len(start.calls) == 2 * 2 * 6 + 2
    assert {name for name in files(out) if not name.startswith("cells/")} == TABLES | PICTURES
    told = capsys.readouterr().out
    assert "SIMULATED DATA: seeds" in told
    assert "26 cells, 0 done" in told
    page = (out / "table.md").read_text()
    assert "SIMULATED" in page
    assert "| frozen: knn | both | 0.300" in page
    assert "| frozen: lda | both | 0.400" in page
    assert "**0.600 ± 0.000** †" in page  # the fake baselines are ahead
    rows = list(csv.DictReader((out / "results.csv").open(newline="")))
    assert len(rows) == 2 * 9
    cells = json.loads((out / "results.json").read_text())["cells"]
    assert all(cell["macro_f1"] is not None for cell in cells)

    again = FakeBimae()
    assert verb.run(StudyOptions(path, out), again) == 0
    assert again.calls == []
    # A change elsewhere: one method more, another one's options.
    changed = declared(fixed)
    methods = changed["methods"]
    assert isinstance(methods, dict)
    methods["scratch"]["options"] = FAST | {"epochs": 2}
    methods["more"] = {"kind": "baseline", "options": {"methods": "svm-spectra"}}
    study_file(tmp_path, **changed)
    assert verb.run(StudyOptions(path, out), again) == 0
    assert len(again.calls) == 2 * 2 * (3 + 1)


def test_a_failure_does_not_stop_the_study(fixed: Path, tmp_path: Path, capsys) -> None:
    path, out = study_file(tmp_path, **declared(fixed)), tmp_path / "out"
    fails = FakeBimae(fails=lambda line: "--modality=rgb" in line)
    assert verb.run(StudyOptions(path, out), fails) == 1
    captured = capsys.readouterr().out
    assert "4 cells failed" in captured
    page = (out / "table.md").read_text()
    assert page.count("exit code 2: bimae: no luck") == 4
    mended = FakeBimae()
    assert verb.run(StudyOptions(path, out), mended) == 0
    assert len(mended.calls) == 4
    assert "Failed" not in (out / "table.md").read_text()


def test_dry_run_lists_and_runs_nothing(fixed: Path, tmp_path: Path, capsys) -> None:
    path, out = study_file(tmp_path, **declared(fixed)), tmp_path / "out"
    ran = run(capsys, "study", path, "--out", out, "--dry-run")
    assert ran.code == 0
    assert ran.out.count("open ") == 26
    assert "26 cells: 0 done, 0 failed, 26 open" in ran.out
    assert "next     bimae pretrain" in ran.out
    assert not out.exists()
    assert verb.run(StudyOptions(path, out, only=("scratch",)), FakeBimae()) == 0
    ran = run(capsys, "study", path, "--out", out, "--dry-run")
    assert "26 cells: 12 done, 0 failed, 14 open" in ran.out
    ran = run(capsys, "study", path, "--out", out, "--dry-run", "--only", "frozen", "classical")
    assert "10 cells: 0 done" in ran.out


def test_time_is_up(fixed: Path, tmp_path: Path, capsys) -> None:
    path = study_file(tmp_path, **declared(fixed, limits={"minutes": 1e-9}))
    assert verb.run(StudyOptions(path, tmp_path / "out"), FakeBimae()) == 1
    assert "26 cells are left, since time was up" in capsys.readouterr().out


def test_ctrl_c_says_how_far_it_came(fixed: Path, tmp_path: Path, capsys) -> None:
    class Pressed(FakeBimae):
        def __call__(self, words, log, threads):  # type: ignore[no-untyped-def]
            if len(self.calls) == 3:
                raise KeyboardInterrupt
            return super().__call__(words, log, threads)

    path, out = study_file(tmp_path, **declared(fixed)), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="3 of 26 cells are done"):
        verb.run(StudyOptions(path, out), Pressed())
    rest = FakeBimae()
    assert verb.run(StudyOptions(path, out), rest) == 0
    assert len(rest.calls) == 23


def test_every_mistake_before_anything_runs(fixed: Path, tmp_path: Path, capsys) -> None:
    DatasetInfo("no wavelengths", simulated=True).save(fixed)
    (tmp_path / "out").write_text("a file")
    path = study_file(
        tmp_path,
        **declared(
            fixed,
            data={"seeds": str(fixed), "gone": str(tmp_path / "gone")},
            pretrain={"long": FAST | {"epoch": 1}},
            methods={
                "tuned": {"kind": "finetune", "from": "lang", "options": {"epochs": "many"}},
                "left": {"kind": "finetune", "options": {"leave_out": ["brassica"]}},
                "classical": {"kind": "baseline", "options": {"methods": "svm-spectrum"}},
            },
            shots=["1", "50"],
            sensors={
                "both": {},
                "red": {"modality": "hs", "bands": "670nm"},
                "far": {"bands": "99"},
            },
            seeds=[0],
            grid={"rows": ["tuned"], "columns": ["blue"]},
            colour="blue",
        ),
    )
    lines = mistakes(run(capsys, "study", path, "--out", tmp_path / "out", "--only", "tund"))
    told = "\n".join(lines)
    for part in (
        "'colour' is not known",
        "methods.tuned.from: 'lang' is no pretraining; did you mean 'long'?",
        "pretrain.long: --epoch is no option; did you mean --epochs?",
        "methods.tuned: --epochs 'many'",
        "methods.classical: ",
        "svm-spectrum",
        "sensors.red: band selection '670nm' is in nm, but the wavelengths",
        "sensors.far: band selection '99': no band 99",
        "grid.columns: 'blue' is not known",
        "training samples (seed 0), 50 shots are asked for",
        "methods.left: leave_out names 'brassica', which is no class of these data; they have ",
        str(tmp_path / "gone"),
        "--only 'tund' is no method; did you mean 'tuned'?",
        "is a file; name a folder as --out",
    ):
        assert part in told, part
    assert len(lines) == len(set(lines))


def test_one_pretraining_for_seeds_that_split_differently(
    small_data: Path, tmp_path: Path, capsys
) -> None:
    changed = declared(small_data, shots=["all"], pretrain={"long": FAST | {"seed": 0}})
    lines = mistakes(run(capsys, "study", study_file(tmp_path, **changed), "--dry-run"))
    assert any("has one seed, but the parts" in line for line in lines)


def test_a_folder_of_something_else(fixed: Path, tmp_path: Path, capsys) -> None:
    path = study_file(tmp_path, **declared(fixed))
    lines = mistakes(run(capsys, "study", path, "--out", fixed))
    assert lines == [f"bimae study: {fixed}: holds other files than a study's; name another --out"]
    lines = mistakes(run(capsys, "study", tmp_path / "no.yaml", "--jobs", 1))
    assert "No such file" in lines[0]
    assert "jobs is 0" in mistakes(run(capsys, "study", path, "--jobs", 0))[0]


def test_verbs_know_their_options() -> None:
    for name in verb.OPTIONS:
        needed = {"pretrain": [], "baselines": [], "distill": ["--teacher=w"]}
        weights = needed.get(name, ["--weights=w"])
        words = [name, "--data=d", "--out=o", *weights]
        assert judge(words) == []
        assert any("--epoks is no option" in line for line in judge([*words, "--epoks=1"]))
    with pytest.raises(ConfigError):
        verb.run(StudyOptions(Path("nowhere.yaml")))


@pytest.mark.slow
def test_a_study_of_real_processes(fixed: Path, tmp_path: Path, capsys) -> None:
    changed = declared(
        fixed,
        methods={
            "tuned": {"kind": "finetune", "from": "long", "options": FAST},
            "one": {"kind": "finetune", "options": FAST | {"any_sensor": True}},
            "linear": {"kind": "probe", "from": "long", "probes": "linear"},
            "svm": {"kind": "baseline", "options": {"methods": "svm-spectra"}},
        },
        shots=["all"],
        seeds=[0],
        sensors={"3 bands": {"modality": "hs", "bands": "step_4"}},
        grid={},
    )
    out = tmp_path / "out"
    ran = run(capsys, "study", study_file(tmp_path, **changed), "--out", out, "--jobs", 2)
    assert ran.code == 0, ran
    rows = list(csv.DictReader((out / "results.csv").open(newline="")))
    assert [row["method"] for row in rows] == ["tuned", "one", "linear", "svm"]
    assert all(0 <= float(row["macro_f1"]) <= 1 for row in rows)
    assert "grid-seeds.png" in files(out)
    assert not list(out.rglob("*.ckpt"))
    # The pretraining's, and that of the training which serves every sensor.
    assert len(list(out.rglob("model.safetensors"))) == 2


def test_a_class_that_every_method_leaves_out_needs_no_shots(tmp_path: Path, capsys) -> None:
    names = "aaaaaaaabbbbbbbbc" * 2
    made = [sample(i, label=name, group=None, rgb=24, hs=4) for i, name in enumerate(names)]
    write_tfrecords(tmp_path / "data", made)
    assert run(capsys, "data", "split", tmp_path / "data", "--by=class-balanced").code == 0
    left = {"leave_out": ["c"]}
    methods = {
        "tuned": {"kind": "finetune", "options": left},
        "classical": {"kind": "baseline", "options": {"methods": "lda-spectra"} | left},
    }
    own = {
        "shots": ["5"],
        "sensors": {"both": {}},
        "pretrain": {},
        "grid": {"rows": ["tuned"], "shots": "5"},
    }
    path = study_file(tmp_path, **declared(tmp_path / "data", methods=methods, **own))
    assert run(capsys, "study", path, "--dry-run").code == 0
    del methods["tuned"]["options"]
    path = study_file(tmp_path, **declared(tmp_path / "data", methods=methods, **own))
    (line,) = mistakes(run(capsys, "study", path, "--dry-run"))
    assert "class 'c' has" in line and "leave the class out of every method" in line
