"""Classifiers against independent references, and with few samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bimae.evaluate import classifiers
from bimae.evaluate.classifiers import Labelled, Task, evened, mlp, one_hot, pls_da, shrunk_lda


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(classifiers, "ROUNDS", 15)


def drawn(counts, features=12, seed=0, apart=2.0):
    """Gaussian classes of these sizes, in an order of their own."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    means = apart * np.random.default_rng(99).normal(size=(len(counts), features))
    return Labelled(means[y] + rng.normal(size=(len(y), features)), y, (None,) * len(y))


def task(counts=(20, 30, 40), *, held=False, balanced=False, seed=0, apart=2.0):
    unseen = drawn((50,) * len(counts), seed=1, apart=apart)
    seen = drawn(counts, apart=apart)
    judged = drawn((10,) * len(counts), seed=2, apart=apart) if held else None
    return Task(seen, judged, unseen.x, len(counts), seed, balanced), unseen.y


@pytest.mark.parametrize("answer", [shrunk_lda, pls_da, mlp])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("counts", [(20, 30, 40), (1, 1, 1), (1, 2, 30), (3, 3, 3)])
def test_they_learn_from_many_and_from_few_and_repeat(answer, held, balanced, counts):
    given, truth = task(counts, held=held, balanced=balanced)
    found = answer(given)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.shape == (150, 3) and (found >= 0).all()
    assert (found.argmax(axis=1) == truth).mean() > 0.6
    np.testing.assert_array_equal(found, answer(given))


def test_lda_is_that_of_scikit_learn_where_nothing_is_shrunk(monkeypatch):
    def unshrunk(x, assume_centered):  # their lsqr divides by N, ours by N - K
        return x.T @ x / len(x) * (len(x) - 3) / len(x), 0.0

    monkeypatch.setattr(classifiers, "ledoit_wolf", unshrunk)
    given, _ = task()
    scaled, unseen = classifiers.standardised(given.seen.x, given.unseen)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(scaled, given.seen.y)
    np.testing.assert_allclose(shrunk_lda(given), theirs.predict_proba(unseen), atol=1e-9)


def test_the_answers_of_each_number_of_components_are_those_of_a_fit_of_its_own():
    given, _ = task(apart=0.7)
    found = classifiers._pls_answers(given, given.seen, given.unseen)
    assert len(found) == 12
    scaled, unseen = classifiers.standardised(given.seen.x, given.unseen)
    targets = one_hot(given.seen.y, 3)
    for n in (1, 2, 5):
        model = PLSRegression(n, scale=False).fit(scaled, targets)
        np.testing.assert_array_equal(found[n - 1], model.predict(unseen).argmax(axis=1))


def test_components_are_chosen_on_the_samples_to_choose_by(monkeypatch):
    given, _ = task(held=True)
    answers = {len(given.unseen): given.unseen, len(given.held.y): given.held.x}
    assert len(answers) == 2

    def prepared(_, seen, x):  # the third number of components is right on held, and only it
        if len(x) == len(given.held.y):
            return np.stack([np.zeros_like(given.held.y)] * 2 + [given.held.y])
        return np.stack([np.full(len(x), n) for n in range(3)])

    monkeypatch.setattr(classifiers, "_pls_answers", prepared)
    assert (pls_da(given).argmax(axis=1) == 2).all()


def test_cross_validation_keeps_groups_whole(monkeypatch):
    seen = drawn((30, 30))
    groups = tuple(f"tray{i // 6}" for i in range(60))
    given = Task(Labelled(seen.x, seen.y, groups), None, seen.x, 2, 0, False)
    torn = []
    real = classifiers._pls_answers

    def watched(task, part, x):
        torn.append(len(set(part.groups)) + len(x) // 6)
        return real(task, part, x)

    monkeypatch.setattr(classifiers, "_pls_answers", watched)
    assert len(classifiers._scores_crossed(given)) > 1
    assert torn == [10] * classifiers.FOLDS  # of ten trays none is on both sides


def test_features_without_a_difference_are_answered_by_the_largest_class():
    seen = Labelled(np.ones((5, 3)), np.array([0, 1, 1, 1, 0]), (None,) * 5)
    given = Task(seen, None, np.ones((2, 3)), 2, 0, False)
    np.testing.assert_array_equal(pls_da(given).argmax(axis=1), [1, 1])
    np.testing.assert_array_equal(shrunk_lda(given).argmax(axis=1), [1, 1])


def test_balanced_answers_the_rare_class_more_often():
    for answer in (shrunk_lda, pls_da):
        rare = [
            (answer(task((4, 60), balanced=b, apart=0.3, held=True)[0]).argmax(axis=1) == 0).sum()
            for b in (False, True)
        ]
        assert rare[1] > rare[0], answer


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_evened_classes_are_of_one_size_and_lose_nobody(counts):
    before = drawn(tuple(counts), features=2)
    after = evened(before)
    assert np.bincount(after.y).tolist() == [max(counts)] * len(counts)
    assert {tuple(row) for row in after.x} == {tuple(row) for row in before.x}


def test_mlp_depends_on_its_seed():
    one, other = (mlp(task(seed=seed, apart=0.5)[0]) for seed in (0, 1))
    assert (one != other).any()
