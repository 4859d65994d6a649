"""Frozen features against what the model says sample by sample, and probes on made-up features."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from bimae.data import DatasetInfo, SeedDataset, Split, open_dataset, scale_spectra, write_tfrecords
from bimae.errors import ConfigError, DataError, ModelError
from bimae.evaluate.classification import score
from bimae.evaluate.frozen import (
    Part,
    Parts,
    check_parts,
    features,
    fresh_like,
    look_at_sensor,
    parts_of,
)
from bimae.evaluate.probe import NEIGHBOURS, PENALTIES, _folds, knn_probe, linear_probe
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier
from bimae.spectra import BandSelection, Channels, band_shares
from tests.data.small_samples import sample
from tests.model.small import CONFIG

SIZES = replace(CONFIG, bands=12, hs_size=8, rgb_size=48, patch_size=24)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
SOME = [5, 0, 41]


@pytest.fixture
def seeds(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


@pytest.fixture(scope="module")
def model() -> BiMAE:
    return BiMAE(SIZES).eval()


def alone(model: BiMAE, seeds: SeedDataset, index: int, bands: tuple[int, ...]) -> torch.Tensor:
    """Tokens of one sample, read without a loader."""
    stored = seeds[index]
    hs = torch.from_numpy(scale_spectra(stored.hs)[list(bands)])
    rgb = torch.from_numpy(np.array(stored.rgb, np.float32)).permute(2, 0, 1)
    with torch.no_grad():
        return model.encode(hs[None], rgb[None], bands)[0]


def test_features_are_the_mean_over_tokens_in_the_order_asked_for(
    model: BiMAE, seeds: SeedDataset
) -> None:
    every = tuple(range(12))
    tokens = [alone(model, seeds, i, every).numpy() for i in SOME]
    found = features(model, seeds, SOME, batch_size=2)
    assert found.shape == (3, 32)
    np.testing.assert_allclose(found, [t.mean(axis=0) for t in tokens], **CLOSE)
    views = features(model, seeds, SOME, pool="views")
    expected = [np.concatenate([t[:12].mean(axis=0), t[12:].mean(axis=0)]) for t in tokens]
    np.testing.assert_allclose(views, expected, **CLOSE)
    assert features(model, seeds, [], pool="views").shape == (0, 64)


def test_bands_are_picked_and_keep_their_places(model: BiMAE, seeds: SeedDataset) -> None:
    bands = (7, 2)
    found = features(model, seeds, SOME, bands=Channels(bands))
    expected = [alone(model, seeds, i, bands).mean(dim=0).numpy() for i in SOME]
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_a_view_that_is_not_looked_at_does_not_matter(
    model: BiMAE, seeds: SeedDataset, tmp_path: Path
) -> None:
    dark = [replace(seeds[i], rgb=np.zeros_like(seeds[i].rgb)) for i in range(3)]
    flat = [replace(seeds[i], hs=np.full_like(seeds[i].hs, 9)) for i in range(3)]
    for modality, same, other in (("hs", dark, flat), ("rgb", flat, dark)):
        expected = features(model, seeds, range(3), modality=modality)
        for name, spoilt in (("same", same), ("other", other)):
            write_tfrecords(tmp_path / modality / name, spoilt)
            found = features(
                model, open_dataset(tmp_path / modality / name), range(3), modality=modality
            )
            assert np.array_equal(found, expected) == (name == "same"), (modality, name)


def test_scaled_after_only_what_filters_let_through_matters(
    model: BiMAE, seeds: SeedDataset, tmp_path: Path
) -> None:
    channels = BandSelection("490nm@40,670nm@40").channels(12, seeds.wavelengths_nm)
    needed = sorted({band for pairs in channels.weights or () for band, _ in pairs})
    spoilt = []
    for i in SOME:
        hs = np.full_like(seeds[i].hs, 77)
        hs[..., needed] = seeds[i].hs[..., needed]
        spoilt.append(replace(seeds[i], hs=hs))
    write_tfrecords(tmp_path / "d", spoilt)
    how = {"bands": channels, "modality": "hs"}
    expected = features(model, seeds, SOME, **how, scale="after")
    other = open_dataset(tmp_path / "d")
    order = [other.ids.index(seeds.ids[i]) for i in SOME]
    np.testing.assert_array_equal(features(model, other, order, **how, scale="after"), expected)
    assert not np.allclose(
        features(model, other, order, **how), features(model, seeds, SOME, **how)
    )


def test_a_classifier_reads_as_it_was_trained(model: BiMAE, seeds: SeedDataset) -> None:
    config = ClassifierConfig(SIZES, ("a", "b"), "hs", (3, 9), scale="after")
    classifier = SeedClassifier(config)
    classifier.load_trunk(model)
    expected = features(model, seeds, SOME, modality="hs", bands=Channels((3, 9)), scale="after")
    np.testing.assert_allclose(features(classifier, seeds, SOME), expected, **CLOSE)


def test_a_model_that_learned_by_a_standard_reads_by_it(seeds: SeedDataset) -> None:
    """Each band by itself: what the others are does not matter."""
    standard = tuple((100.0 + b, 20.0 + b) for b in range(12))
    model = BiMAE(replace(SIZES, standard=standard))
    found = features(model, seeds, SOME, modality="hs", bands=Channels((3, 9)))
    expected = []
    for i in SOME:
        cube = seeds[i].hs[..., [3, 9]].astype(np.float64)
        scaled = (cube - [103, 109]) / [23 * 6, 29 * 6] + 0.5
        hs = torch.from_numpy(scaled.clip(0, 1).astype(np.float32)).permute(2, 0, 1)
        with torch.no_grad():
            expected.append(model.encode(hs[None], None, (3, 9))[0].mean(dim=0).numpy())
    np.testing.assert_allclose(found, expected, **CLOSE)
    asked = features(model, seeds, SOME, modality="hs", bands=Channels((3, 9)), scale="after")
    assert not np.allclose(asked, found, **CLOSE)


def test_a_model_by_wavelength_turns_to_any_sensor(seeds: SeedDataset, tmp_path: Path) -> None:
    nm = seeds.wavelengths_nm
    assert nm is not None
    sizes = replace(
        SIZES, band_positions="wavelength", wavelengths_nm=nm, widths_nm=tuple(band_shares(nm))
    )
    model = BiMAE(sizes)
    look_at_sensor(model, seeds, "m")
    own = features(model, seeds, SOME, bands=Channels((2, 4, 6)), scale="after", modality="hs")
    few = [replace(seeds[i], hs=seeds[i].hs[..., [2, 4, 6]]) for i in SOME]
    write_tfrecords(tmp_path / "d", few)
    with pytest.raises(ConfigError, match="wavelengths_nm"):
        look_at_sensor(model, open_dataset(tmp_path / "d"), "m")
    widths = tuple(sizes.widths_nm[b] for b in (2, 4, 6)) if sizes.widths_nm else None
    DatasetInfo(wavelengths_nm=(nm[2], nm[4], nm[6]), fwhm_nm=widths).save(tmp_path / "d")
    other = open_dataset(tmp_path / "d")
    look_at_sensor(model, other, "m")
    order = [other.ids.index(seeds.ids[i]) for i in SOME]
    found = features(model, other, order, modality="hs", scale="after")
    np.testing.assert_allclose(found, own, **CLOSE)
    assert fresh_like(model, 0).config.bands == 3
    with pytest.raises(ModelError, match="images have 3 bands, the model m was made for 12"):
        look_at_sensor(BiMAE(SIZES), other, "m")


def test_the_control_is_another_model_of_the_same_sizes_and_the_same_twice(model: BiMAE) -> None:
    one, again, other = fresh_like(model, 1), fresh_like(model, 1), fresh_like(model, 2)
    assert one.config == model.config
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
    assert any(not torch.equal(w, other.state_dict()[n]) for n, w in one.state_dict().items())


def test_what_cannot_be_seen(model: BiMAE, seeds: SeedDataset) -> None:
    with pytest.raises(ConfigError, match=r"sees one view only \(rgb\)"):
        features(model, seeds, SOME, modality="rgb", pool="views")
    with pytest.raises(ConfigError, match="a single band is seen"):
        features(model, seeds, SOME, bands=Channels((3,)), scale="after")
    broken = BiMAE(SIZES)
    with torch.no_grad():
        broken.trunk.rgb.projection.bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite \\(so for 3 of 3 samples\\)"):
        features(broken, seeds, SOME)


def test_parts_follow_the_split(model: BiMAE, seeds: SeedDataset) -> None:
    split = Split((4, 1, 30), (), (7, 2), "by hand")
    parts = parts_of(model, seeds, split, modality="rgb")
    assert parts.train.keys == [seeds.keys[i] for i in split.train]
    assert [parts.classes[n] for n in parts.test.truth] == [seeds.labels[7], seeds.labels[2]]
    assert parts.train.groups == [seeds.groups[i] for i in split.train]
    assert parts.val.features.shape == (0, 32)
    expected = features(model, seeds, split.test, modality="rgb")
    np.testing.assert_allclose(parts.test.features, expected, **CLOSE)


def test_parts_that_are_none(seeds: SeedDataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the train and the test part is empty"):
        check_parts(seeds, Split((), (1,), (), "by hand"))
    write_tfrecords(tmp_path / "d", [sample(i, label=None if i == 2 else "a") for i in range(4)])
    some = open_dataset(tmp_path / "d")
    with pytest.raises(DataError, match=r"no label.*1 of 4"):
        check_parts(some, Split((0, 1), (2,), (3,), "by hand"))
    with pytest.raises(DataError, match="all samples are 'a'"):
        check_parts(some, Split((0, 1), (), (3,), "by hand"))


def made_up(
    counts: tuple[int, ...], seed: int = 0, *, apart: float = 4.0, group: int | None = None
) -> Part:
    """Samples of as many classes as counts, each around a corner of its own in five dimensions."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(counts)), counts)
    rows = rng.normal(size=(len(truth), 5)) + apart * np.eye(5)[truth]
    groups = [None if group is None else f"g{i // group}" for i in range(len(truth))]
    return Part([f"{seed}-{i}" for i in range(len(truth))], rows, truth, groups)


NONE = Part([], np.empty((0, 5)), np.empty(0, np.int64), [])
PROBES = [linear_probe, knn_probe]


@pytest.mark.parametrize("probe", PROBES)
def test_classes_that_lie_apart_are_told_apart(probe) -> None:
    parts = Parts(
        ("a", "b", "c"), made_up((20, 20, 20)), made_up((9, 9, 9), 1), made_up((9,) * 3, 2)
    )
    done = probe(parts)
    assert done.chosen_by == "val"
    assert score(done.predictions).macro_f1 > 0.9
    np.testing.assert_allclose(done.predictions.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert done.predictions.keys == parts.test.keys
    # noise is not told apart: the figures are of the test part, not of what was learned
    noise = replace(parts, test=made_up((60, 60, 60), 3, apart=0))
    assert score(probe(noise).predictions).accuracy < 0.55


@pytest.mark.parametrize("probe", PROBES)
def test_the_setting_is_the_best_one_on_val(probe) -> None:
    parts = Parts(
        ("a", "b"), made_up((40, 40), apart=1), made_up((30, 30), 1, apart=1), made_up((5, 5))
    )
    done = probe(parts)
    assert done.tried[done.setting] == max(done.tried.values())
    assert len(set(done.tried.values())) > 1
    assert set(done.tried) == set(PENALTIES if probe is linear_probe else NEIGHBOURS)
    # test samples have no say in it
    assert probe(replace(parts, test=made_up((5, 5), 9))).setting == done.setting
    # samples of train once more, whose labels are noise: their nearest neighbour alone knows them
    if probe is knn_probe:
        truth = np.random.default_rng(0).permutation(parts.train.truth)
        mixed = replace(parts.train, truth=truth)
        assert probe(Parts(("a", "b"), mixed, mixed, parts.test)).tried[1.0] == 1.0


def test_neighbours_vote_by_angle_the_nearer_the_more() -> None:
    angles = np.array([0.0, 10.0, 30.0, 40.0, 80.0])
    truth = np.array([0, 1, 1, 2, 2])

    def part(degrees: NDArray[np.float64], truth: NDArray[np.int64], length: float) -> Part:
        turned = np.deg2rad(degrees)
        rows = length * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        return Part([str(d) for d in degrees], rows, truth, [None] * len(truth))

    asked = part(np.array([4.0, 38.0]), np.array([0, 2]), 7.0)
    parts = Parts(("a", "b", "c"), part(angles, truth, 1.0), NONE_2D, asked)
    done = knn_probe(parts)
    k = int(done.setting)
    expected = np.zeros((2, 3))
    for row, degrees in enumerate((4.0, 38.0)):
        distance = 1 - np.cos(np.deg2rad(angles - degrees))
        near = np.argsort(distance)[:k]
        np.add.at(expected[row], truth[near], 1 / distance[near])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(done.predictions.probabilities, expected, rtol=1e-4)


NONE_2D = Part([], np.empty((0, 2)), np.empty(0, np.int64), [])


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_that_was_never_seen_is_never_the_answer(probe) -> None:
    train = made_up((9, 0, 9))
    done = probe(Parts(("a", "b", "c"), train, NONE, made_up((5, 5, 5), 1)))
    assert done.chosen_by == "cross-validation"
    assert (done.predictions.probabilities[:, 1] == 0).all()
    one = probe(Parts(("a", "b", "c"), made_up((0, 4, 0)), NONE, made_up((5, 5, 5), 1)))
    assert (one.predictions.probabilities[:, 1] == 1).all()


@pytest.mark.parametrize("probe", PROBES)
def test_one_shot_without_val_takes_the_setting_wanted_first(probe) -> None:
    done = probe(
        Parts(("a", "b", "c"), made_up((1, 1, 1), apart=9), NONE, made_up((4, 4, 4), 1, apart=9))
    )
    assert (done.chosen_by, done.tried) == ("default", {})
    assert done.setting == (1.0 if probe is linear_probe else 3.0)
    # three samples say little about which features are noise, which standardising then enlarges
    assert score(done.predictions).accuracy >= (0.5 if probe is linear_probe else 0.9)


def test_balanced_finds_more_of_the_rare() -> None:
    parts = Parts(("a", "b"), made_up((90, 6), apart=1), NONE, made_up((100, 100), 1, apart=1))
    recall = [
        score(linear_probe(parts, balanced=balanced).predictions).per_class[1].recall
        for balanced in (False, True)
    ]
    assert recall[1] > recall[0] + 0.1


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=5).filter(lambda counts: sum(counts) > 0),
    st.sampled_from([None, 1, 2, 3]),
    st.integers(0, 3),
)
def test_folds_hold_each_sample_once_and_keep_groups_whole(
    counts: list[int], group: int | None, seed: int
) -> None:
    part = made_up(tuple(counts), group=group)
    folds = _folds(part, seed)
    assert len(folds) != 1
    if max(counts) < 2 and group is None:
        assert not folds
    if folds:
        held = np.concatenate(folds)
        assert sorted(held) == list(range(len(part)))
        fold_of = {int(i): n for n, fold in enumerate(folds) for i in fold}
        seen: dict[str | None, set[int]] = {}
        for i, name in enumerate(part.groups):
            if name is not None:
                seen.setdefault(name, set()).add(fold_of[i])
        if len(seen) > 1:
            assert all(len(numbers) == 1 for numbers in seen.values())
    again = _folds(part, seed)
    assert all(np.array_equal(a, b) for a, b in zip(folds, again, strict=True))


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=4).filter(lambda counts: sum(counts) > 0),
    st.booleans(),
)
def test_any_few_samples_are_learned_from(counts: list[int], val: bool) -> None:
    train = made_up(tuple(counts))
    every = (2,) * len(counts)
    classes = tuple("abcd"[: len(counts)])
    parts = Parts(classes, train, made_up(every, 1) if val else NONE, made_up(every, 2))
    for probe in PROBES:
        done, again = probe(parts), probe(parts)
        said = done.predictions.probabilities
        np.testing.assert_array_equal(said, again.predictions.probabilities)
        np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
        assert set(done.predictions.predicted) <= set(train.truth)
        if done.tried:
            assert done.tried[done.setting] == max(done.tried.values())


def test_val_is_judged_by_macro_f1() -> None:
    """A rare class counts as much as a common one when C is chosen."""
    parts = Parts(("a", "b"), made_up((60, 5), apart=1.5), made_up((60, 5), 1, apart=1.5), NONE)
    parts = replace(parts, test=parts.val)
    done = linear_probe(parts)
    truth, said = parts.val.truth, done.predictions.predicted
    assert done.tried[done.setting] == pytest.approx(f1_score(truth, said, average="macro"))


@pytest.mark.parametrize("probe", PROBES)
def test_the_answers_are_those_of_the_chosen_setting(probe) -> None:
    settings = set()
    for seed in range(0, 12, 2):
        val = made_up((20, 20), seed + 1, apart=1.5)
        done = probe(Parts(("a", "b"), made_up((30, 30), seed, apart=1.5), val, val))
        settings.add(done.setting)
        found = score(done.predictions).macro_f1
        assert found == pytest.approx(done.tried[done.setting])
    assert len(settings) > 1


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("copies", [1, 3])
def test_cross_validation_does_not_ask_for_what_it_learned(probe, copies: int) -> None:
    """Labels are noise here; whoever has seen a sample, or a copy of its group, knows them."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(60, 50)), copies, axis=0)
    truth = np.repeat(rng.permutation(np.arange(60) % 2), copies)
    groups = [None if copies == 1 else f"g{i // copies}" for i in range(len(rows))]
    train = Part([str(i) for i in range(len(rows))], rows, truth, groups)
    done = probe(Parts(("a", "b"), train, train.take(np.arange(0)), train))
    assert done.chosen_by == "cross-validation"
    assert max(done.tried.values()) < 0.7
    assert score(done.predictions).macro_f1 > 0.8
