"""Frozen features against what the model says sample by sample."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimae.data import DatasetInfo, SeedDataset, Split, open_dataset, scale_spectra, write_tfrecords
from bimae.data.loading import seed_loader
from bimae.errors import ConfigError, DataError, ModelError
from bimae.evaluate.frozen import (
    check_parts,
    features,
    fresh_like,
    look_at_sensor,
    own_pool,
    parts_of,
)
from bimae.evaluate.looks import look
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier
from bimae.spectra import BandSelection, Channels, band_shares
from tests.data.small_samples import sample
from tests.evaluate.test_looks import classifier
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


def test_the_raw_mean_is_taken_before_the_last_norm(model: BiMAE, seeds: SeedDataset) -> None:
    found = features(model, seeds, SOME, pool="raw_mean", batch_size=2)
    taken: list[torch.Tensor] = []
    hook = model.trunk.encoder.norm.register_forward_pre_hook(lambda _, x: taken.append(x[0]))
    for i in SOME:
        alone(model, seeds, i, tuple(range(12)))
    hook.remove()
    np.testing.assert_allclose(found, [x[0].mean(dim=0).numpy() for x in taken], **CLOSE)
    assert not np.allclose(found, features(model, seeds, SOME), **CLOSE)


@pytest.mark.parametrize("pool", ["mean", "raw_mean", "token"])
def test_a_classifier_is_pooled_as_its_head_does(model: BiMAE, seeds: SeedDataset, pool) -> None:
    assert own_pool(model) == "mean"
    config = ClassifierConfig(SIZES, ("a", "b"), "hs", (3, 9), scale="after", pool=pool)
    own = SeedClassifier(config).eval()
    assert own_pool(own) == ("raw_mean" if pool == "raw_mean" else "mean")
    assert own_pool(fresh_like(own, 1)) == own_pool(own)
    if pool != "raw_mean":
        return
    seen: list[torch.Tensor] = []
    own.trunk.encoder.norm.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    for i in SOME:
        hs = torch.from_numpy(scale_spectra(seeds[i].hs[..., [3, 9]]))
        with torch.no_grad():
            own(hs[None])
    expected = [x[0, 0].numpy() for x in seen]  # [1, 1, D]: the mean that the head goes on from
    np.testing.assert_allclose(features(own, seeds, SOME, pool="raw_mean"), expected, **CLOSE)


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


@pytest.mark.parametrize("bands", ["auto", "3,8", "560nm@80,700nm@150"])
@pytest.mark.parametrize("modality", ["hs", "bimodal"])
def test_a_classifier_of_any_sensor_sees_what_it_is_shown(
    small_data: Path, seeds: SeedDataset, modality, bands: str
) -> None:
    """Beside what its own head is given: the answers of a head on the features are its answers."""
    own = classifier(small_data).eval()
    shown = {"modality": modality, "bands": bands, "labels": False}
    found = features(own, seeds, SOME, looks=look(own, seeds, **shown))
    again = features(own, seeds, SOME, looks=look(own, seeds, **shown), batch_size=1)
    np.testing.assert_allclose(again, found, **CLOSE)
    own.norm = torch.nn.Identity()
    looks = look(own, seeds, **shown)
    batch = next(iter(seed_loader(seeds, SOME, looks.reading, batch_size=3)))
    with torch.no_grad():
        logits = own(*batch.images(), looks.rows)
        expected = own.head(torch.from_numpy(found).float())
    np.testing.assert_allclose(logits.numpy(), expected.numpy(), **CLOSE)
    # another model that is shown the same stands where this one stands, also for filters
    fresh = fresh_like(own, 1)
    assert isinstance(fresh, SeedClassifier)
    look(fresh, seeds, **shown)
    fresh.load_state_dict(classifier(small_data).state_dict())
    same = features(fresh, seeds, SOME, looks=look(fresh, seeds, **shown))
    np.testing.assert_array_equal(same, found)


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
