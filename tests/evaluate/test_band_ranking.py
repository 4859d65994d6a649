"""Ranking and choosing bands on samples in memory."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn

from bimae.data import SeedDataset, open_dataset, write_tfrecords
from bimae.data.batch import Batch
from bimae.data.reading import Reading
from bimae.data.standard import measure_standard
from bimae.evaluate.band_cameras import bootstrap, compare, random_sets, spaced, units
from bimae.evaluate.band_candidates import band_candidates, filter_candidates
from bimae.evaluate.band_ranking import band_groups, choose, evaluations, importance
from bimae.evaluate.classification import Predictions, classify
from bimae.evaluate.held import Held, answers, hold, log_loss
from bimae.evaluate.looks import look
from bimae.model import ModelConfig, SeedClassifier
from bimae.model.classifier_config import ClassifierConfig
from bimae.spectra import filter_weights

FILTERS = "460nm@40,610nm@60,905nm@80"


@pytest.fixture(scope="module")
def samples(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


def classifier(samples: SeedDataset, scale: Any) -> SeedClassifier:
    """One of any sensor, with random weights."""
    sizes = {"width": 32, "depth": 2, "heads": 2, "decoder_width": 16, "fusion_heads": 4}
    nm = samples.wavelengths_nm
    assert nm is not None
    standard = measure_standard(samples, range(20)) if scale == "standard" else None
    model = ModelConfig(
        bands=12, hs_size=8, rgb_size=48, band_positions="wavelength", wavelengths_nm=nm,
        widths_nm=(50.0,) * 12, standard=standard, **sizes,
    )  # fmt: skip
    config = ClassifierConfig(
        model, tuple(samples.classes), bands=tuple(range(12)), scale=scale, wavelengths_nm=nm,
        any_sensor=True,
    )  # fmt: skip
    found = SeedClassifier(config)
    nn.init.normal_(found.head.weight, generator=torch.Generator().manual_seed(1))
    return found


@pytest.mark.parametrize("scale", ["after", "standard"])
@pytest.mark.parametrize("modality", ["hs", "bimodal"])
@pytest.mark.parametrize("text", ["0,4,7", FILTERS])
def test_what_is_held_is_what_evaluate_shows(
    samples: SeedDataset, scale: str, modality: Any, text: str
) -> None:
    """Of more candidates in memory, some are shown as if they alone had been read."""
    model, part = classifier(samples, scale), list(range(0, 40, 3))
    shown = look(model, samples, modality=modality, bands=text)
    expected = classify(model, samples, part, batch_size=5, looks=shown)
    more = "0,2,4,5,7" if text[1] == "," else f"430nm@40,{FILTERS},950nm@20"
    held = hold(model, samples, part, modality=modality, bands=more)
    picked = (0, 2, 4) if text[1] == "," else (1, 2, 3)
    found = np.exp(answers(held, picked, batch_size=5))
    np.testing.assert_allclose(found, expected.probabilities, atol=2e-6)
    alone = hold(model, samples, part, modality=modality, bands=text)  # nothing is left out
    np.testing.assert_allclose(np.exp(answers(alone)), found, atol=2e-6)
    assert held.keys == expected.keys
    assert held.truth.tolist() == expected.truth.tolist()
    assert expected.probabilities.std(axis=0).max() > 1e-4, "the model looks at its samples"


class Sums(nn.Module):
    """Two classes; the logit of the second is the weighted sum of the channels."""

    discriminant = None

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.weights = torch.tensor(weights)
        self.config = SimpleNamespace(classes=("a", "b"))
        self.shown: list[list[int]] = []

    def forward(self, hs: Tensor, rgb: Tensor | None, bands: Tensor) -> Tensor:
        self.shown.append(bands.tolist())
        logit = (hs.mean(dim=(2, 3)) * self.weights[bands]).sum(dim=1)
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


def planted(weights: list[float], count: int = 60) -> Held:
    """Independent channels; the truth is the sign of their weighted sum."""
    model = Sums(weights)
    n = len(weights)
    values = torch.randn(count, n, 1, 1, generator=torch.Generator().manual_seed(0))
    truth = ((values[:, :, 0, 0] * model.weights).sum(dim=1) > 0).numpy().astype(np.int64)
    batch = Batch(torch.arange(count), hs=values)
    keys = [str(i) for i in range(count)]
    whose = cast(SeedClassifier, model)
    return Held(whose, batch, torch.arange(n), keys, truth, Reading(), None)


def test_importance_is_where_the_model_looks() -> None:
    held = planted([0.0, 4.0, 0.0, 1.0, 0.0])
    assert held.batch.hs is not None
    before_images = held.batch.hs.clone()
    groups: list[tuple[int, ...]] = [(0,), (1,), (2, 3), (4,)]
    before, rows = importance(held, groups, repeats=4, batch_size=16)
    assert before.accuracy == before.macro_f1 == 1
    assert [row.channels for row in rows] == groups
    for row in (rows[0], rows[3]):
        assert row.mean.accuracy == row.mean.log_loss == row.spread.log_loss == 0
    assert rows[1].mean.log_loss > rows[2].mean.log_loss > 0
    assert rows[1].mean.accuracy > 0.3
    assert rows[1].spread.log_loss > 0
    assert torch.equal(held.batch.hs, before_images), "what is held stays as it is"
    again = importance(held, groups, repeats=4, batch_size=60)[1]
    assert [r.mean.accuracy for r in again] == [r.mean.accuracy for r in rows]
    assert importance(held, groups, repeats=4, seed=1)[1] != rows


@pytest.mark.parametrize("pairs", [False, True])
def test_greedy_choice_is_that_of_brute_force(pairs: bool) -> None:
    held = planted([0.5, 3.0, 0.0, 1.5, 2.0])
    asked: list[tuple[int, ...]] = []

    def watch(sets: Any) -> Any:
        for one in sets:
            asked.append(one)
            yield one

    found = choose(held, 3, pairs=pairs, watch=watch)
    assert [c.channel for c in found] == [1, 4, 3]
    assert len(asked) == evaluations(5, 3, pairs=pairs) == (12 if not pairs else 13)
    assert all(shown == sorted(shown) for shown in cast(Any, held.model).shown)
    chosen: list[int] = []
    for choice in found[2:] if pairs else found:
        chosen = [1, 4] if pairs else chosen
        losses = {
            i: log_loss(held, answers(held, sorted([*chosen, i])))
            for i in range(5)
            if i not in chosen
        }
        assert choice.channel == min(losses, key=lambda i: losses[i])
        assert choice.log_loss == min(losses.values())
        chosen.append(choice.channel)


def test_all_can_be_chosen() -> None:
    held = planted([1.0, 2.0])
    assert {c.channel for c in choose(held, 2)} == {0, 1}


@given(
    st.lists(st.floats(0, 2000), min_size=1, max_size=60, unique=True),
    st.integers(1, 30),
)
def test_groups_are_contiguous_and_hold_each_channel_once(places: list[float], groups: int) -> None:
    found = band_groups(places, groups)
    assert 1 <= len(found) <= groups
    order = [places[i] for group in found for i in group]
    assert order == sorted(places)


def test_groups_of_even_bands_are_even() -> None:
    assert [len(g) for g in band_groups(range(300), 20)] == [15] * 20
    assert band_groups([3.0, 1.0, 2.0], 20) == [(1,), (2,), (0,)]
    # by nm, not by number: one band every 1 nm, then one every 10 nm
    places = [*range(400, 450), *range(450, 550, 10)]
    assert [len(g) for g in band_groups(places, 3)] == [47, 8, 5]


def some_answers(seed: int, count: int = 40) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(0).integers(0, 4, count)
    probabilities = rng.dirichlet(np.ones(5), count).astype(np.float32)
    return Predictions(tuple("abcde"), [str(i) for i in range(count)], truth, probabilities)


def test_draws_are_those_of_groups_and_agree_with_scikit_learn() -> None:
    found = some_answers(1)
    together = units([None if i < 4 else f"tray {i % 7}" for i in range(40)])
    assert len(set(together.tolist())) == 11
    drawn = bootstrap(found, together, draws=20, seed=3)
    rng = np.random.default_rng(3)
    for row in drawn:
        rows = np.concatenate(
            [np.flatnonzero(together == unit) for unit in rng.integers(11, size=11)]
        )
        truth, predicted = found.truth[rows], found.predicted[rows]
        assert row[0] == pytest.approx(accuracy_score(truth, predicted))
        assert row[1] == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_a_single_group_is_drawn_by_sample() -> None:
    assert units(["a"] * 4).tolist() == [0, 1, 2, 3]
    assert units(["a", "b", "a", None]).tolist() == [0, 1, 0, 2]


def test_comparison_is_paired() -> None:
    held = planted([4.0, 0.1, 0.1, 0.1, 0.1, 3.0])
    groups = [str(i // 3) for i in range(60)]
    found = compare(held, held, [5, 0], groups=groups, random=4, draws=200)
    assert found.chosen.channels == (0, 5)
    assert found.spaced.channels == spaced(6, 2) == (1, 4)
    assert found.accuracy.value == found.chosen.accuracy.value - found.spaced.accuracy.value > 0.2
    assert found.accuracy.low > 0
    assert found.whole.accuracy.value == found.whole.accuracy.low == 1
    assert len({camera.channels for camera in found.random}) > 1
    same = compare(held, held, [1, 4], groups=groups, random=1, draws=50)
    assert (same.accuracy.low, same.accuracy.high) == (0, 0)


def test_random_sets_follow_from_the_seed() -> None:
    sets = random_sets(10, 3, 5, 0)
    assert sets == random_sets(10, 3, 5, 0) != random_sets(10, 3, 5, 1)
    assert all(len(set(one)) == 3 and one == tuple(sorted(one)) for one in sets)


def test_candidates_are_spread_over_the_sensor() -> None:
    nm = tuple(float(x) for x in range(400, 1000, 2))
    found = band_candidates(300, nm, None, 40)
    assert len(found) == 40
    assert found.channels.bands[:3] == (3, 11, 18)
    assert found.nm is not None
    assert found.nm[0] == 406
    assert found.widths_nm == (2.0,) * 40
    assert found.selection([2, 0]) == "3,18"
    few = band_candidates(12, None, None, 40)
    assert few.channels.bands == tuple(range(12))
    assert few.nm is few.widths_nm is None


def test_filters_in_a_gap_or_of_the_same_band_are_left_out() -> None:
    nm = tuple(float(x) for x in [*range(400, 500, 5), *range(900, 1000, 5)])
    found = filter_candidates(nm, 20, 30)
    assert found.nm is not None
    assert found.channels.weights is not None
    assert not [x for x in found.nm if 510 < x < 890]
    assert 5 < len(found) < 30
    for centre, pairs in zip(found.nm, found.channels.weights, strict=True):
        assert pairs == filter_weights(nm, centre, 20)
    narrow = filter_candidates(nm, 1, 300)
    assert len(narrow) == len(set(narrow.channels.bands)) <= 40


def test_filters_that_a_pixel_is_even_in_tell_nothing(samples: SeedDataset, tmp_path: Path) -> None:
    """Rounding of the averages must not be blown up to the whole range."""
    cube = samples[0].hs.copy()
    cube[2, 3] = 201
    write_tfrecords(tmp_path, [replace(samples[0], hs=cube)])
    samples.info.save(tmp_path)
    even = open_dataset(tmp_path)
    model = classifier(samples, "after")
    held = hold(model, even, [0], modality="hs", bands=FILTERS)
    pixels = held.batch.spectra()[0]
    assert not pixels[:, 2, 3].any()
    assert pixels[:, 2, 4].max() == pytest.approx(1)
