import csv
import io
import json
from pathlib import Path
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.study.config import Fold, Grid, Method, Sensor, Study
from bimae.study.figures import against_labels, confusions, sensor_grid
from bimae.study.plan import Wanted
from bimae.study.table import OWN, Table
from bimae.study.text import markdown

BOTH, RGB = Sensor("both"), Sensor("RGB", "rgb")
SHOTS = ("1", "10", "all")
FOLDS = (Fold("crowns", "fold0", Path("a")), Fold("crowns", "fold1", Path("b")))
METHODS = (
    Method("net", "finetune", None, (), (BOTH, RGB), SHOTS, (0, 1)),
    Method("frozen", "probe", None, (), (BOTH,), SHOTS, (0, 1)),
    Method("svm", "baseline", None, (), (), SHOTS, (0, 1)),
)
STUDY = Study("s", Path("s"), FOLDS, (), METHODS, (BOTH, RGB), SHOTS)
WANTED = [
    Wanted(method.name, fold, shots, seed, sensor, f"{method.name}{sensor}{shots}{seed}{fold}")
    for seed in (0, 1)
    for fold in FOLDS
    for shots in reversed(SHOTS)
    for method in METHODS
    for sensor in [s.name for s in method.sensors] or [""]
]


def results(svm: float = 0.3, net: float = 0.5) -> dict[Wanted, dict[str, object]]:
    return {
        place: {
            "accuracy": 0.6 + 0.01 * place.seed,
            "macro_f1": {"svm": svm, "net": net, "frozen": 0.1}[place.method],
            "classes": ["a", "b"],
            "confusion": [[2, 0], [1, 3]],
        }
        for place in WANTED
    }


def test_means_and_spreads_over_folds_and_seeds() -> None:
    table = Table.of(STUDY, WANTED, results())
    assert len(table.rows) == (2 + 1 + 1) * 3
    row = table.find("crowns", "net", "RGB", "10")
    assert row is not None
    assert (row.n, row.planned) == (4, 4)
    assert row.accuracy == pytest.approx(0.605)
    assert row.accuracy_std == pytest.approx(stdev([0.6, 0.61, 0.6, 0.61]))
    assert row.macro_f1_std == 0
    assert [(r.method, r.sensor, r.shots) for r in table.rows[:4]] == [
        ("net", "both", "1"),
        ("net", "both", "10"),
        ("net", "both", "all"),
        ("net", "RGB", "1"),
    ]


def test_a_baseline_ahead_of_every_network_is_marked() -> None:
    behind = Table.of(STUDY, WANTED, results(svm=0.49))
    assert not any(row.macro_f1_ahead or row.accuracy_ahead for row in behind.rows)
    assert "†" not in markdown(behind, {})
    ahead = Table.of(STUDY, WANTED, results(svm=0.51))
    assert {(row.method, row.macro_f1_ahead) for row in ahead.rows} == {
        ("net", False),
        ("frozen", False),
        ("svm", True),
    }
    page = markdown(ahead, {})
    assert page.count("**0.510 ± 0.000** †") == 3
    assert "Macro-F1, 10 per class: svm 0.510; best network: net, both 0.500" in page
    # Equal is not ahead, and nobody is ahead of nothing.
    assert not any(row.macro_f1_ahead for row in Table.of(STUDY, WANTED, results(svm=0.5)).rows)
    only = {place: found for place, found in results().items() if place.method == "svm"}
    assert not any(row.macro_f1_ahead for row in Table.of(STUDY, WANTED, only).rows)


def test_simulated_data_are_called_so_everywhere() -> None:
    table = Table.of(STUDY, WANTED, results(), ["crowns"])
    page = markdown(table, {})
    assert "SIMULATED" in page
    heads = [line for line in page.splitlines() if line.startswith("**Macro-F1**")]
    assert heads == ["**Macro-F1** (SIMULATED)"]
    assert json.loads(table.as_json(WANTED, results()))["simulated"] == ["crowns"]
    assert all(row["simulated"] == "True" for row in csv.DictReader(io.StringIO(table.as_csv())))
    for figure in (
        against_labels(table, "crowns"),
        sensor_grid(table, "crowns", Grid(("net",), ("both", "RGB"), "all")),
        confusions(table, "crowns", results()),
    ):
        assert figure is not None
        assert figure.get_suptitle().startswith("SIMULATED DATA - crowns")
    assert "SIMULATED" not in markdown(Table.of(STUDY, WANTED, results()), {})


def test_what_is_missing_is_told() -> None:
    some = {p: found for p, found in results().items() if p.seed == 0 or p.method != "net"}
    failed = [("net, crowns, fold0", "exit code 2: no luck")]
    page = markdown(Table.of(STUDY, WANTED, some, failed=failed), {})
    assert "36 of 48 cells are done" in page
    assert "0.500 ± 0.000 (2 of 4)" in page
    assert "- net, crowns, fold0: exit code 2: no luck" in page
    empty = Table.of(STUDY, WANTED, {})
    assert "0 of 48 cells are done" in markdown(empty, {})
    assert against_labels(empty, "crowns") is None
    assert sensor_grid(empty, "crowns", Grid(("net",), ("RGB",), "all")) is None
    assert confusions(empty, "crowns", {}) is None


def test_the_lines_of_the_figure_are_the_means() -> None:
    figure = against_labels(Table.of(STUDY, WANTED, results()), "crowns")
    assert figure is not None
    panels = figure.get_axes()
    assert len(panels) == 2 * 2  # metrics, sensors
    lines = {line.get_label(): line for line in panels[0].get_lines()}
    assert set(lines) == {"net", "frozen", "svm"}
    assert list(lines["net"].get_ydata()) == [0.5, 0.5, 0.5]
    assert lines["svm"].get_linestyle() == "--"
    assert {line.get_label() for line in panels[1].get_lines()} == {"net", "svm"}


def test_the_grid_shows_what_was_not_run_as_nothing() -> None:
    table = Table.of(STUDY, WANTED, results())
    figure = sensor_grid(table, "crowns", Grid(("net", "frozen"), ("both", "RGB"), "10"))
    assert figure is not None
    texts = [text.get_text() for text in figure.get_axes()[0].texts]
    assert texts == ["0.500", "0.500", "0.100", "-"]


def test_confusions_are_summed_by_the_names_of_classes() -> None:
    found = results()
    other = next(p for p in WANTED if p.method == "svm" and p.shots == "all")
    found[other] = found[other] | {"classes": ["b", "c"], "confusion": [[5, 0], [0, 7]]}
    figure = confusions(Table.of(STUDY, WANTED, found), "crowns", found)
    assert figure is not None
    svm = figure.get_axes()[2]
    assert svm.get_title() == f"svm\n{OWN}, all labels, n = 4"
    assert [label.get_text() for label in svm.get_xticklabels()] == ["a", "b", "c"]
    counts = {text.get_position(): text.get_text() for text in svm.texts}
    assert counts == {(0, 0): "6", (0, 1): "3", (1, 1): "14", (2, 2): "7"}


@given(st.dictionaries(st.sampled_from(WANTED), st.floats(0, 1)))
def test_rows_sum_up_any_part_of_the_cells(scores: dict[Wanted, float]) -> None:
    found = {place: {"accuracy": x, "macro_f1": x} for place, x in scores.items()}
    table = Table.of(STUDY, WANTED, found)
    assert sum(row.n for row in table.rows) == len(scores)
    assert sum(row.planned for row in table.rows) == len(WANTED)
    for row in table.rows:
        own = [
            x
            for p, x in scores.items()
            if (p.method, p.sensor or OWN, p.shots) == (row.method, row.sensor, row.shots)
        ]
        assert row.accuracy == (pytest.approx(fmean(own)) if own else None)
        assert (row.accuracy_std is None) == (len(own) < 2)
    rows = list(csv.DictReader(io.StringIO(table.as_csv())))
    assert [row["method"] for row in rows] == [row.method for row in table.rows]
    json.loads(table.as_json(WANTED, found))
