"""What a model has seen is kept in its folder, and known again."""

from dataclasses import replace
from pathlib import Path

import pytest

from bimae.data import open_dataset, write_tfrecords
from bimae.errors import ModelError
from bimae.predict.seen import FILE, Seen
from tests.data.small_samples import sample

SHOWN = "both views"


def test_it_is_kept_and_known_again(tmp_path: Path) -> None:
    made = [sample(i, rgb=12, hs=6) for i in range(6)]
    write_tfrecords(tmp_path / "a", made)
    learned = open_dataset(tmp_path / "a")
    assert Seen.load(tmp_path).among(learned, SHOWN) == ([], [])  # nothing was kept yet
    seen = Seen.learning(learned, [0, 1, 2]).calibrating(learned, [2, 3], SHOWN)
    seen.save(tmp_path)
    assert Seen.load(tmp_path) == seen
    write_tfrecords(tmp_path / "b", [replace(one, label=None) for one in reversed(made)])
    lot = open_dataset(tmp_path / "b")
    assert seen.among(lot, SHOWN) == ([3, 4, 5], [2])
    assert seen.among(lot, "RGB") == ([3, 4, 5], [])
    again = seen.calibrating(learned, [4], SHOWN).calibrating(learned, [5], "RGB")
    assert again.among(lot, SHOWN) == ([3, 4, 5], [1])
    assert again.among(lot, "RGB") == ([3, 4, 5], [0])


@pytest.mark.parametrize("text", ["", "[]", '{"learned": []}', '{"learned": 1, "calibrated": {}}',
                                  '{"learned": [], "calibrated": []}'])  # fmt: skip
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ModelError, match=r"seen.json: is damaged .*; mend or remove it"):
        Seen.load(tmp_path)
