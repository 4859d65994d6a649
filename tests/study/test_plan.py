from dataclasses import replace
from pathlib import Path

import pytest

from bimae.data import write_tfrecords
from bimae.data.simulate import simulate_samples
from bimae.study.config import Fold, Method, Pretraining, Sensor, Study
from bimae.study.plan import Plan, plan
from bimae.study.records import Records

BOTH, FEW = Sensor("both"), Sensor("few", "hs", "step_4")
OPTIONS = (("epochs", "2"),)


def method(name: str, source: str | None = None, **more: object) -> Method:
    made = Method(name, "finetune", source, OPTIONS, (BOTH, FEW), ("1", "all"), (0, 1))
    return replace(made, **more)  # type: ignore[arg-type]


def study(data: Path, *methods: Method, **more: object) -> Study:
    folds = (Fold("seeds", "", data),)
    pre = (Pretraining("long", (("epochs", "3"),)),)
    made = Study("s", Path("s.yaml"), folds, pre, methods, (BOTH, FEW), ("1", "all"))
    return replace(made, **more)  # type: ignore[arg-type]


def keys(made: Plan) -> set[str]:
    return {cell.key for cell in made.cells}


def test_the_whole_matrix_and_what_it_needs_first(small_data: Path) -> None:
    made = plan(study(small_data, method("a", "long"), method("b")), Records())
    assert len(made.wanted) == 2 * 2 * 2 * 2  # methods, shots, seeds, sensors
    assert sum(cell.verb == "pretrain" for cell in made.cells) == 2  # a seed each
    assert len(made.cells) == 16 + 2
    seen: set[str | None] = {None}
    for cell in made.cells:
        assert cell.weights in seen
        seen.add(cell.key)
    assert {place.key for place in made.wanted} < keys(made)


def test_a_key_knows_neither_name_nor_neighbours(small_data: Path) -> None:
    alone = plan(study(small_data, method("a")), Records())
    renamed = plan(study(small_data, method("z"), method("a", "long")), Records())
    assert keys(alone) < keys(renamed)
    twice = plan(study(small_data, method("a"), method("b", keep=True)), Records())
    assert keys(twice) == keys(alone)
    assert all(cell.keep for cell in twice.cells)


@pytest.mark.parametrize(
    "other",
    [
        {"options": (("epochs", "3"),)},
        {"source": "long"},
        {"shots": ("2",)},
        {"seeds": (7,)},
        {"sensors": (Sensor("few", "hs", "step_5"),)},
        {"kind": "probe"},
    ],
)
def test_a_key_knows_everything_else(small_data: Path, other: dict[str, object]) -> None:
    before = plan(study(small_data, method("a")), Records())
    after = plan(
        study(small_data, method("a", **other), shots=("1", "2", "all")),  # type: ignore[arg-type]
        Records(),
    )
    assert not {p.key for p in before.wanted} & {p.key for p in after.wanted}


def test_a_pretrainings_options_and_data_reach_the_key(small_data: Path, tmp_path: Path) -> None:
    first = plan(study(small_data, method("a", "long")), Records())
    other = study(small_data, method("a", "long"))
    longer = plan(replace(other, pretrain=(Pretraining("long", (("epochs", "4"),)),)), Records())
    assert not keys(first) & keys(longer)
    write_tfrecords(tmp_path / "d", simulate_samples(per_class=2, bands=12, hs_size=8, rgb_size=48))
    elsewhere = plan(study(tmp_path / "d", method("a", "long")), Records())
    assert not keys(first) & keys(elsewhere)
    # One seed for all: one pretraining.
    fixed = replace(other, pretrain=(Pretraining("long", (), seed=5),))
    cells = plan(fixed, Records()).cells
    assert [cell.seed for cell in cells if cell.verb == "pretrain"] == [5]


def test_a_teacher_is_pretrained_first_and_reaches_the_key(small_data: Path) -> None:
    one = study(small_data, method("a", "pupil", seeds=(0,)))
    small = Pretraining("small", (("model", "mae_vit_small_patch24"),))
    pupil = Pretraining("pupil", (), teacher="small")
    cells = plan(replace(one, pretrain=(small, pupil)), Records()).cells
    assert [cell.verb for cell in cells][:3] == ["pretrain", "distill", cells[2].verb]
    assert cells[1].weights == cells[0].key
    assert {cell.weights for cell in cells[2:]} == {cells[1].key}
    other = Pretraining("small", (("model", "mae_vit_base_patch24"),))
    again = plan(replace(one, pretrain=(other, pupil)), Records()).cells
    assert not {cell.key for cell in cells} & {cell.key for cell in again}
    made = plan(replace(one, pretrain=(small, pupil)), Records()).only(("a",))
    assert len(made.cells) == len(cells)


def test_one_training_serves_every_sensor(small_data: Path) -> None:
    one = method("one", options=(("any_sensor", "true"),), shots=("all",), seeds=(0,))
    cells = plan(study(small_data, one), Records()).cells
    assert [cell.verb for cell in cells] == ["finetune", "evaluate", "evaluate"]
    assert cells[0].sensor is None and cells[0].model
    assert [cell.sensor for cell in cells[1:]] == [BOTH, FEW]
    assert {cell.weights for cell in cells[1:]} == {cells[0].key}


def test_probes_of_one_entry_are_one_cell_that_knows_all_its_rows(small_data: Path) -> None:
    one = method("f: linear", kind="probe", row="linear", shots=("all",), seeds=(0,))
    other = replace(one, name="f: lda", row="lda")
    both = plan(study(small_data, one, other), Records())
    assert [cell.rows for cell in both.cells] == [("linear", "lda")] * 2  # a cell for each sensor
    assert keys(both) == keys(plan(study(small_data, one), Records()))


def test_only_some_methods_and_what_they_start_from(small_data: Path) -> None:
    whole = plan(study(small_data, method("a", "long"), method("b")), Records())
    part = whole.only(("a",))
    assert {place.method for place in part.wanted} == {"a"}
    assert sum(cell.verb == "pretrain" for cell in part.cells) == 2
    assert len(part.cells) == 8 + 2
    assert whole.only(()) == whole
