"""A calibration: made, checked, kept and found again."""

from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bimae.errors import ConfigError, ModelError
from bimae.predict.calibrate import Parts, Said, calibrate, check
from bimae.predict.calibrated import SCORES, Calibrated, calibration_for, find, load, save
from bimae.predict.shown import Shown
from bimae.predict.sureness import with_lapses
from bimae.predict.temperature import log_loss, probabilities

CLASSES = ("oat", "rye", "wheat")
SHOWN = Shown("bimodal")


def said(seed: int, samples: int = 300, *, strange: bool = False, sharp: float = 3.0) -> Said:
    """Classes are corners of a triangle in five dimensions; logits are too sure by `sharp`."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=samples)
    centres = 1.5 * np.eye(3, 5)
    features = centres[truth] + rng.normal(size=(samples, 5))
    if strange:
        features, truth = features + np.array([0, 0, 0, 9, 0]), np.full(samples, -1)
    logits = (
        sharp * 1.5 * features[:, :3]
    )  # at sharp 1 the true ones, up to what is the same for all
    return Said(logits.astype(np.float32), features.astype(np.float32), truth.astype(np.int64))


def made(**given: object) -> Calibrated:
    parts = Parts(said(1), said(2), said(3), said(4, 50, strange=True))
    return calibrate(parts, SHOWN, CLASSES, alpha=0.1, share=0.05, **given)  # type: ignore[arg-type]


def same(one: Calibrated, other: Calibrated) -> bool:
    test = said(9)
    left, right = (each.judge(test.logits, test.features) for each in (one, other))
    pairs: list[tuple[NDArray[np.generic], NDArray[np.generic]]] = [
        (left.probabilities, right.probabilities),
        (left.sets, right.sets),
        (left.strangeness, right.strangeness),
        (left.rejected, right.rejected),
    ]
    return all(np.array_equal(a, b) for a, b in pairs)


def test_it_keeps_its_promises_on_new_samples() -> None:
    found = made()
    assert found.temperature > 2  # the logits were too sure
    new = check(found, said(5, 4000))
    assert new["calibration_error"]["after"] < new["calibration_error"]["before"]
    assert new["coverage"]["coverage"] == pytest.approx(0.9, abs=0.04)
    assert new["rejected"] == pytest.approx(0.05, abs=0.03)
    assert set(new["coverage_by_class"]) == set(CLASSES)
    confusion = np.array(new["confusion"])
    assert confusion.shape == (3, 4)
    assert confusion.sum() == 4000
    assert confusion[:, 3].sum() == round(new["rejected"] * 4000)


def test_a_temperature_that_its_own_check_speaks_against_stays_1() -> None:
    parts = Parts(said(1, sharp=3.0), said(2, sharp=0.5))  # fitted on answers of another kind
    found = calibrate(parts, SHOWN, CLASSES, alpha=0.1, share=0.05)
    assert found.temperature == 1
    assert "the temperature stays 1" in found.facts["notes"][0]
    assert "on the 300 samples of the check" in found.facts["notes"][0]
    plain = probabilities(said(2, sharp=0.5).logits)
    test = said(2, sharp=0.5)
    told = found.judge(test.logits, test.features).probabilities
    np.testing.assert_array_equal(told, with_lapses(plain, found.lapse))


def test_strangers_choose_the_score() -> None:
    found = made()
    facts = found.facts["strangers"]
    assert set(facts) == set(SCORES)
    # they lie off the triangle, where no logit looks
    assert found.score in ("mahalanobis", "relative")
    assert facts[found.score]["auroc"] == max(one["auroc"] for one in facts.values()) > 0.99
    stranger = said(7, 200, strange=True)
    assert found.judge(stranger.logits, stranger.features).rejected.mean() > 0.9
    assert made(score="energy").score == "energy"


def test_without_strangers_or_what_was_learned_there_is_less_to_choose() -> None:
    alone = calibrate(Parts(said(1)), SHOWN, CLASSES, alpha=0.1, share=0.05)
    assert (alone.score, alone.distances) == ("energy", None)
    assert "checked" not in alone.facts
    assert alone.facts["strangers"] == {}
    learned = calibrate(Parts(said(1), train=said(3)), SHOWN, CLASSES, alpha=0.1, share=0.05)
    assert learned.score == "energy"


def test_groups_are_told_apart() -> None:
    test = said(2, 40)
    groups = ["tray 1"] * 20 + [None] * 20
    found = check(made(), test, groups)
    assert set(found["coverage_by_group"]) == {"tray 1", "(none)"}
    assert "coverage_by_group" not in check(made(), test, [None] * 40)


@pytest.mark.parametrize("score", SCORES)
def test_what_is_kept_is_what_was_made(tmp_path: Path, score: str) -> None:
    first, other = made(score=score), made(score=score, per_class=True)
    other = replace(other, shown=Shown("rgb"))
    assert save(tmp_path, first) is None
    assert save(tmp_path, other) is None
    found = load(tmp_path)
    assert [one.shown for one in found] == [first.shown, other.shown]
    assert same(found[0], first)
    assert same(found[1], other)
    assert found[0].facts == first.facts
    again = replace(made(score="energy"), shown=first.shown)
    replaced = save(tmp_path, again)  # in place of the first
    assert replaced is not None and replaced.temperature == first.temperature
    assert [one.shown for one in load(tmp_path)] == [other.shown, first.shown]
    assert same(load(tmp_path)[1], again)
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.safetensors"]


def test_a_threshold_that_rejects_nothing_is_kept(tmp_path: Path) -> None:
    few = calibrate(Parts(said(1, 5)), SHOWN, CLASSES, alpha=0.1, share=0.05)
    assert few.reject.value == inf
    assert len(few.facts["notes"]) == 3  # and the temperature stays 1
    save(tmp_path, few)
    (found,) = load(tmp_path)
    assert found.reject == few.reject
    assert found.judge(said(2, 3).logits, said(2, 3).features).sets.all()


def test_sensors_are_not_mixed_up(tmp_path: Path) -> None:
    known = [replace(made(), shown=Shown("hs", "step_5"))]
    assert calibration_for(known, Shown("hs", "step_5"), tmp_path) is known[0]
    assert calibration_for([], Shown("rgb"), tmp_path) is None
    with pytest.raises(
        ConfigError,
        match=r"is calibrated for spectra of step_5, but is shown RGB; .*--modality rgb",
    ):
        calibration_for(known, Shown("rgb"), tmp_path)


def test_sensors_stand_side_by_side(tmp_path: Path) -> None:
    """Asked for alike, but of other channels: neither replaces the other, nor stands in for it."""
    first = Shown("hs", "auto", 3, (480.0, 550.0, 670.0))
    other = Shown("hs", "auto", 3, (450.0, 560.0, 650.0))
    for shown in (first, other, replace(first, nm=(481.0, 550.0, 669.0))):  # that of the same make
        save(tmp_path, replace(made(), shown=shown))
    known = load(tmp_path)
    assert [one.shown.nm for one in known] == [other.nm, (481.0, 550.0, 669.0)]
    assert find(known, first) is known[1]
    assert find(known, replace(other, bands="0,1,2")) is known[0]  # the same channels of another
    with pytest.raises(ConfigError, match=r"for spectra, 3 bands at 450, 560, 650 nm; spectra, 3 "):
        calibration_for(known, Shown("hs", "auto", 20, tuple(range(400, 800, 20))), tmp_path)
    assert find(known, Shown("hs")) is known[0]  # the data are not known yet
    named = replace(known[1], shown=replace(first, bands="0,1,2"))
    assert (
        find([*known, named], replace(first, bands="0,1,2")) is named
    )  # of two, the one asked for


def test_a_score_needs_what_the_model_learned_from() -> None:
    parts = Parts(said(1), said(2))
    with pytest.raises(ConfigError, match=r"score relative is asked for, but .*energy or unsure"):
        calibrate(parts, SHOWN, CLASSES, alpha=0.1, share=0.05, score="relative")
    found = calibrate(parts, SHOWN, CLASSES, alpha=0.1, share=0.05, usual="mahalanobis")
    assert found.score == "energy"
    assert "measured by energy: for mahalanobis" in found.facts["notes"][-1]


def test_sure_and_right_answers_have_no_loss_below_0() -> None:
    loss = log_loss([[900.0, 0.0], [0.0, 900.0]], [0, 1])
    assert f"{loss:.3f}" == "0.000"


def test_damage_is_told(tmp_path: Path) -> None:
    assert load(tmp_path) == []
    save(tmp_path, made(score="relative"))
    file = tmp_path / "calibration.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:200])
    with pytest.raises(ModelError, match=r"calibration\.safetensors: .*calibrate the model again"):
        load(tmp_path)
    file.write_bytes(whole.replace(b'"format":"2"', b'"format":"9"'))
    with pytest.raises(ModelError, match="has format '9', expected 1 or 2"):
        load(tmp_path)
    file.write_bytes(whole.replace(b"temperature", b"tempor_ture"))
    with pytest.raises(ModelError, match="is damaged"):
        load(tmp_path)
    file.write_bytes(whole.replace(b"means", b"moans"))
    with pytest.raises(ModelError, match="means missing"):
        load(tmp_path)


def test_probabilities_are_those_of_the_temperature_and_of_lapses() -> None:
    found, test = made(), said(2, 10)
    assert 0 < found.lapse < 0.2
    expected = with_lapses(probabilities(test.logits, found.temperature), found.lapse)
    np.testing.assert_array_equal(found.judge(test.logits, test.features).probabilities, expected)
