"""Baselines on samples made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from bimae.data.sample import Sample
from bimae.data.shots import few
from bimae.data.splits import Split
from bimae.errors import ConfigError, DataError
from bimae.evaluate import classifiers, small_networks
from bimae.evaluate.baselines import (
    METHODS,
    classical_baselines,
    mean_spectra,
    rgb_statistics,
    run_method,
)
from bimae.evaluate.classification import score


def seed(i, label, rng, bands=6):
    """Half background; label `b` differs in its spectrum, `c` in its colour."""
    hs = np.zeros((4, 4, bands), dtype=np.float32)
    hs[:2] = 0.5 + 0.02 * rng.normal(size=(2, 4, bands))
    hs[:2, :, 3] += 0.3 * (label == "b")
    rgb = np.ones((8, 8, 3), dtype=np.float32)
    rgb[:4] = 0.4 + 0.02 * rng.normal(size=(4, 8, 3))
    rgb[:4, :, 0] += 0.3 * (label == "c")
    return Sample(f"s{i}", label, None, rgb, hs)


@pytest.fixture
def seeds():
    rng = np.random.default_rng(0)
    return [seed(i, "aabc"[i % 4], rng) for i in range(80)]


def test_mean_spectra_leave_out_the_background(seeds):
    spectra = mean_spectra(seeds, [0, 2])
    assert spectra.shape == (2, 6)
    np.testing.assert_allclose(spectra[0], seeds[0].hs[:2].reshape(-1, 6).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(mean_spectra(seeds, [0], object_only=False), spectra[:1] / 2)


def test_an_object_of_zeros_is_not_a_division_by_zero(seeds):
    empty = Sample("e", "a", None, np.ones((8, 8, 3), np.float32), np.zeros((4, 4, 6), np.uint8))
    np.testing.assert_array_equal(mean_spectra([empty], [0]), np.zeros((1, 6)))
    assert np.isfinite(rgb_statistics([empty], [0])).all()


def test_rgb_statistics_leave_out_white(seeds):
    found = rgb_statistics(seeds, range(4))
    assert found.shape == (4, 15) and found[:, 0].max() < 0.8


def test_five_baselines_see_what_their_features_show(seeds):
    results = classical_baselines(seeds, range(40), range(40, 80))
    by_name = {r.name: r for r in results}
    assert list(by_name) == [
        "majority",
        "linear on mean spectra",
        "svm on mean spectra",
        "linear on RGB statistics",
        "svm on RGB statistics",
    ]
    assert by_name["majority"].accuracy == 0.5
    assert by_name["majority"].macro_f1 == pytest.approx((2 / 3) / 3)
    for kind in ("linear", "svm"):
        # b is told from the rest by spectra, c by colour; the rest stays a guess.
        assert by_name[f"{kind} on mean spectra"].accuracy > 0.6
        assert by_name[f"{kind} on RGB statistics"].accuracy > 0.6
    assert results == classical_baselines(seeds, range(40), range(40, 80))


def test_one_class_only_is_answered(seeds):
    ones = [i for i, s in enumerate(seeds) if s.label == "a"]
    assert {r.accuracy for r in classical_baselines(seeds, ones[:5], ones[5:])} == {1.0}


def test_mistakes_are_told(seeds):
    with pytest.raises(DataError, match="found none"):
        classical_baselines(seeds, [], [1])
    bare = Sample("bare", None, None, seeds[0].rgb, seeds[0].hs)
    with pytest.raises(DataError, match="'bare' has no label"):
        classical_baselines([*seeds, bare], [0, 1, 80], [2])
    other = seed(80, "a", np.random.default_rng(0), bands=5)
    with pytest.raises(DataError, match="'s80' has 5 bands"):
        mean_spectra([*seeds, other], [0, 80])


SPLIT = Split(tuple(range(40)), tuple(range(40, 56)), tuple(range(56, 80)), "by hand")
CLASSICAL = [name for name in METHODS if not name.startswith("cnn")]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(small_networks, "ROUNDS", 1)
    monkeypatch.setattr(small_networks, "STEPS_A_ROUND", 2)
    monkeypatch.setattr(classifiers, "ROUNDS", 15)


def test_the_names_are_those_that_others_use():
    assert set(METHODS) == {
        *("majority", "linear-spectra", "svm-spectra", "lda-spectra", "pls-spectra"),
        *("forest-spectra", "mlp-spectra", "linear-rgb", "svm-rgb", "linear-both"),
        *("cnn-rgb", "cnn-spectra"),
    }


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("balanced", [False, True])
def test_every_method_answers_for_the_test_part(seeds, short, name, balanced):
    found = run_method(name, seeds, SPLIT, seed=1, balanced=balanced)
    assert found.classes == ("a", "b", "c")
    assert found.keys == [f"s{i}" for i in SPLIT.test]
    assert found.truth.tolist() == ["abc".index(seeds[i].label) for i in SPLIT.test]
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    if name in ("svm-spectra", "svm-rgb", "pls-spectra", "majority"):
        weights = {0, 1} if name != "majority" else {0.5, 0.25}
        assert set(found.probabilities.ravel().tolist()) <= weights
    again = run_method(name, seeds, SPLIT, seed=1, balanced=balanced)
    np.testing.assert_array_equal(found.probabilities, again.probabilities)


@pytest.mark.parametrize("name", CLASSICAL)
def test_they_see_what_their_view_shows(seeds, short, name):
    results = score(run_method(name, seeds, SPLIT))
    recall = {row.name: row.recall for row in results.per_class}
    if name == "majority":
        assert recall == {"a": 1, "b": 0, "c": 0}
    for view, shown in (("spectra", "b"), ("rgb", "c"), ("both", "bc")):
        if name.endswith(view):
            assert all(recall[each] > 0.8 for each in shown), recall
    if name == "linear-both":
        assert results.accuracy > 0.95


def test_they_are_the_classical_baselines(seeds):
    old = classical_baselines(seeds, SPLIT.train, SPLIT.test, balanced=True)
    names = ["majority", "linear-spectra", "svm-spectra", "linear-rgb", "svm-rgb"]
    for name, result in zip(names, old, strict=True):
        found = score(run_method(name, seeds, SPLIT, balanced=True))
        assert (found.accuracy, found.macro_f1) == (result.accuracy, result.macro_f1)


@pytest.mark.parametrize("name", METHODS)
def test_one_shot_and_a_class_that_train_lacks(seeds, short, name):
    labels = [s.label for s in seeds]
    one = few(SPLIT, labels, 1, 0)
    found = run_method(name, seeds, replace(one, val=()), balanced=True)
    assert found.probabilities.shape == (24, 3) and np.isfinite(found.probabilities).all()
    without = tuple(i for i in one.train if labels[i] != "b")
    found = run_method(name, seeds, replace(one, train=without))  # val has b all the same
    assert (found.probabilities[:, 1] == 0).all()
    single = tuple(i for i in one.train if labels[i] == "c")
    found = run_method(name, seeds, replace(one, train=single))
    assert (found.predicted == 2).all()


def test_mistakes_of_run_method_are_told(seeds):
    with pytest.raises(ConfigError, match=r"method 'lda' is none of: majority, .*\nseed is -1"):
        run_method("lda", seeds, SPLIT, seed=-1)
    with pytest.raises(DataError, match=r"no train part.*\n.*no test part"):
        run_method("majority", seeds, Split((), (1,), (), "by hand"))
    bare = [Sample("bare", None, None, seeds[0].rgb, seeds[0].hs), *seeds[1:]]
    with pytest.raises(DataError, match=r"1 of 80 samples have no label \(first: 'bare'\)"):
        run_method("majority", bare, SPLIT)
