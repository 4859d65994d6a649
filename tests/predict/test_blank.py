"""Samples that show nothing are rejected, whatever is said of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bimae.data import open_dataset, write_tfrecords
from bimae.predict.blank import blank, blank_words, without_blank
from bimae.predict.calibrated import Judged
from tests.data.small_samples import sample


def test_which_show_nothing(tmp_path: Path) -> None:
    made = [sample(i, rgb=6, hs=6) for i in range(4)]
    made[3] = replace(made[3], hs=np.full_like(made[3].hs, 9))  # one spectrum, repeated
    made[1] = replace(made[1], hs=np.zeros_like(made[1].hs))
    made[2] = replace(made[2], rgb=np.full_like(made[2].rgb, 0.5))
    write_tfrecords(tmp_path / "a", made)
    samples = open_dataset(tmp_path / "a")
    for modality, found in (("bimodal", [0, 1, 1, 0]), ("hs", [0, 1, 0, 0]), ("rgb", [0, 0, 1, 0])):
        assert blank(samples, range(4), modality).tolist() == [bool(one) for one in found]
    assert blank(samples, [2, 0], "rgb").tolist() == [True, False]


def test_they_are_rejected() -> None:
    said = np.array([[0.9, 0.1], [1.0, 0.0], [0.2, 0.8]])
    judged = Judged(said, said > 0.5, np.zeros(3), np.array([False, False, True]))
    assert without_blank(judged, np.zeros(3, bool)) is judged
    found = without_blank(judged, np.array([False, True, False]))
    assert found.rejected.tolist() == [False, True, True]
    assert found.sets.tolist() == [[True, False], [True, True], [False, True]]
    assert np.array_equal(found.probabilities, said)


def test_words() -> None:
    assert blank_words(0, "", rejected=True) == ""
    assert blank_words(1, "s1", rejected=True) == (
        "1 sample, such as s1, shows nothing (spectra all zero, or an RGB image of one colour): "
        "it is rejected"
    )
    assert blank_words(2, "s1", rejected=False).endswith("they are not to be relied on")
