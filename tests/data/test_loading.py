from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bimae.data import open_dataset
from bimae.data.loading import Picks, SeededPicks, seed_loader
from bimae.data.reading import Reading
from bimae.data.resident import Resident, resident_bytes
from bimae.data.stacking import Stack, _bytes_of, bands_first
from bimae.data.transforms import Mix, flip, scale_spectra
from bimae.data.turns import turned, turned_at_once
from bimae.errors import DataError
from bimae.model import ClassifierConfig, ModelConfig
from bimae.model.patches import patchify_rgb
from bimae.spectra import BandSelection


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(2, 9))),
)
def test_each_pixel_spans_the_unit_range(hs: np.ndarray) -> None:
    scaled = scale_spectra(hs)
    assert scaled.shape == (hs.shape[2], *hs.shape[:2])
    flat = (hs.max(-1) == hs.min(-1))[None]
    assert np.all(np.where(flat, 0, scaled.min(0)) == 0)
    assert np.allclose(np.where(flat, 1, scaled.max(0)), 1)
    assert np.all(scaled[:, flat[0]] == 0)  # nothing to scale, padding for one


def test_scaling_against_the_formula() -> None:
    hs = np.random.default_rng(0).random((3, 4, 7), np.float32)
    low, high = hs.min(-1, keepdims=True), hs.max(-1, keepdims=True)
    expected = ((hs - low) / (high - low)).transpose(2, 0, 1)
    np.testing.assert_allclose(scale_spectra(hs), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(scale_spectra(hs, (6, 2)), expected[[6, 2]], rtol=1e-6, atol=1e-7)


def test_after_is_what_a_camera_with_these_bands_alone_can_do() -> None:
    hs = np.random.default_rng(0).integers(0, 256, (3, 4, 7), np.uint8)
    bands = (5, 0, 3)
    own = scale_spectra(np.ascontiguousarray(hs[..., list(bands)]))
    assert np.array_equal(scale_spectra(hs, bands, "after"), own)
    assert not np.array_equal(scale_spectra(hs, bands, "before"), own)


def test_writing_into_a_batch() -> None:
    hs = np.random.default_rng(0).integers(0, 256, (3, 4, 7), np.uint8)
    out = np.empty((2, 3, 4), np.float32)
    assert scale_spectra(hs, (1, 2), out=out) is out
    assert np.array_equal(out, scale_spectra(hs, (1, 2)))


WEIGHTS = (((1, 0.25), (2, 0.5), (3, 0.25)), ((6, 1.0),), ((3, 0.1), (5, 0.9)))


def plainly(hs: np.ndarray, weights: tuple, scale: str) -> np.ndarray:
    """The definition, a pixel at a time in float64; bands last."""
    out = np.zeros((*hs.shape[:2], len(weights)))
    for place in np.ndindex(hs.shape[:2]):
        spectrum = hs[place].astype(np.float64)
        seen = np.array([sum(w * spectrum[b] for b, w in pairs) for pairs in weights])
        over = spectrum if scale == "before" else seen
        if over.max() > over.min():
            out[place] = (seen - over.min()) / (over.max() - over.min())
    return out


@pytest.mark.parametrize("scale", ["before", "after"])
@given(hs=hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 3), st.just(8))))
def test_averages_against_the_definition(scale: str, hs: np.ndarray) -> None:
    expected = plainly(hs, WEIGHTS, scale).transpose(2, 0, 1)
    if scale == "after":  # averages that are equal but for rounding have no scale
        averages = [sum(w * hs[..., b] for b, w in pairs) for pairs in WEIGHTS]
        uneven = np.ptp(averages, axis=0) > 0.5
        even = hs[..., [1, 2, 3, 5, 6]].max(-1) == hs[..., [1, 2, 3, 5, 6]].min(-1)
    else:
        uneven = np.ones(hs.shape[:2], bool)
        even = hs.max(-1) == hs.min(-1)
    found = scale_spectra(hs, scale=scale, mix=Mix.of(WEIGHTS))  # type: ignore[arg-type]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, uneven], expected[:, uneven], atol=1e-3)
    assert not found[:, even].any()  # exactly: padding stays padding, white too
    as_float = scale_spectra(hs.astype(np.float32), scale=scale, mix=Mix.of(WEIGHTS))  # type: ignore[arg-type]
    np.testing.assert_allclose(as_float, found, atol=1e-6)


@pytest.mark.parametrize("scale", ["before", "after"])
def test_averages_of_one_band_are_picks(scale: str) -> None:
    hs = np.random.default_rng(0).integers(0, 256, (3, 4, 9), np.uint8)
    mix = Mix.of([((5, 1.0),), ((0, 1.0),), ((3, 1.0),)])
    out = np.empty((3, 3, 4), np.float32)
    assert scale_spectra(hs, scale=scale, out=out, mix=mix) is out  # type: ignore[arg-type]
    picked = scale_spectra(hs, (5, 0, 3), scale)  # type: ignore[arg-type]
    np.testing.assert_allclose(out, picked, rtol=1e-6)


def test_averaging_and_scaling_by_all_bands_change_places() -> None:
    """`before`: the average of scaled bands is the scaled average, which is what is computed."""
    hs = np.random.default_rng(0).random((3, 4, 9), np.float32)
    scaled = scale_spectra(hs)
    expected = np.stack([sum(w * scaled[b] for b, w in pairs) for pairs in WEIGHTS])
    np.testing.assert_allclose(scale_spectra(hs, mix=Mix.of(WEIGHTS)), expected, atol=1e-6)


def test_flip() -> None:
    image = np.arange(24).reshape(2, 4, 3)
    assert np.array_equal(flip(image, True, False), image[::-1])
    assert np.array_equal(flip(image, False, True), image[:, ::-1])
    assert np.array_equal(flip(flip(image, True, True), True, True), image)
    assert np.array_equal(flip(image, False, False), image)
    assert np.shares_memory(flip(image, True, True), image)


def flat(batches: list[Picks]) -> list[tuple[int, ...]]:
    """Number, upside down, left to right: of each pick."""
    found = []
    for batch in batches:
        assert batch.turns is not None
        found += [(int(i), *map(int, t)) for i, t in zip(batch.indices, batch.turns, strict=True)]
    return found


def test_order_and_flips_follow_seed_and_epoch() -> None:
    picks = SeededPicks(range(50), batch_size=8, shuffle=True, flips=True, seed=1)
    first = list(picks)
    assert flat(list(picks)) == flat(first)
    assert [len(batch.indices) for batch in first] == [8, 8, 8, 8, 8, 8, 2]
    assert len(picks) == 7
    assert sorted(number for number, *_ in flat(first)) == list(range(50))
    assert {tuple(turns) for _, *turns in flat(first)} == {(a, b) for a in (0, 1) for b in (0, 1)}
    picks.set_epoch(1)
    assert flat(list(picks)) != flat(first)
    (still,) = SeededPicks(range(5, 9), batch_size=9, shuffle=False, flips=False, seed=1)
    assert still.indices.tolist() == [5, 6, 7, 8]
    assert still.turns is None


@given(count=st.integers(1, 40), batch_size=st.integers(1, 12), ranks=st.integers(1, 5))
def test_processes_share_the_batches_of_one(count: int, batch_size: int, ranks: int) -> None:
    def picks(rank: int, ranks: int) -> list[Picks]:
        return list(
            SeededPicks(
                range(count), batch_size=batch_size, shuffle=True, flips=True, seed=2,
                rank=rank, ranks=ranks,
            )
        )  # fmt: skip

    alone = picks(0, 1)
    together = [picks(rank, ranks) for rank in range(ranks)]
    assert {len(part) for part in together} == {len(alone)}  # all take part in every step
    for step, parts in zip(alone, zip(*together, strict=True), strict=True):
        counted = [p for b in parts for p in flat([b])[: b.share.stop - b.share.start]]
        assert counted == flat([step])
        assert all(len(b.indices) and b.share.whole == len(step.indices) for b in parts)


def test_shard_by_shard_reads_few_shards_at_a_time() -> None:
    shard_of = np.repeat(np.arange(10), 20)
    picks = SeededPicks(
        range(200), batch_size=20, shuffle=True, flips=False, seed=1,
        shard_of=shard_of, shards_at_once=2,
    )  # fmt: skip
    first = [batch.indices.tolist() for batch in picks]
    assert sorted(i for batch in first for i in batch) == list(range(200))
    # places of the samples in time; a shard's begin and end with others between them
    order = np.array([shard_of[i] for batch in first for i in batch])
    spans = [np.flatnonzero(order == shard)[[0, -1]] for shard in range(10)]
    open_at = [sum(a <= place <= b for a, b in spans) for place in range(200)]
    assert max(open_at) <= 3  # two, and one more that ends as the next begins
    assert any(len({shard_of[i] for i in batch}) > 1 for batch in first)
    picks.set_epoch(1)
    assert [batch.indices.tolist() for batch in picks] != first


def test_batches(small_data: Path) -> None:
    samples = open_dataset(small_data)
    classes = tuple(samples.classes)
    reading = Reading(bands=(2, 5), classes=classes)
    batches = list(seed_loader(samples, range(10), reading, batch_size=4))
    assert [len(b) for b in batches] == [4, 4, 2]
    first = batches[0]
    hs, rgb = first.images()
    assert hs.shape == (4, 2, 8, 8)
    assert rgb.shape == (4, 3, 48, 48)
    for place, index in enumerate(first.index.tolist()):
        sample = samples[index]
        assert torch.equal(rgb[place], torch.from_numpy(sample.rgb.copy()).permute(2, 0, 1))
        assert np.array_equal(hs[place].numpy(), scale_spectra(sample.hs, (2, 5)))
        assert classes[first.label[place]] == sample.label


@pytest.mark.parametrize("scale", ["before", "after"])
def test_batches_through_filters(small_data: Path, scale: str) -> None:
    samples = open_dataset(small_data)
    selection = BandSelection("490nm@80,560nm@80,700nm")
    channels = selection.channels(samples.bands, samples.wavelengths_nm)
    sizes = ModelConfig(bands=12, hs_size=8, rgb_size=48)
    config = ClassifierConfig(
        sizes, tuple(samples.classes), "bimodal", channels.bands, scale=scale,  # type: ignore[arg-type]
        band_weights=channels.weights,
    )  # fmt: skip
    loader = seed_loader(samples, range(5), Reading.of(config), batch_size=5, training=True)
    batch = next(iter(loader))
    hs, _ = batch.images()
    assert hs.shape == (5, 3, 8, 8)
    for place, index in enumerate(batch.index.tolist()):
        expected = plainly(samples[index].hs, channels.weights, scale).transpose(2, 0, 1)
        turned = [np.flip(expected, axes) for axes in ((), (1,), (2,), (1, 2))]
        assert any(np.allclose(hs[place], image, atol=1e-4) for image in turned)
    unlabelled = Reading.of(config, labels=False)
    assert next(iter(seed_loader(samples, [0], unlabelled, batch_size=1))).label is None


def test_both_views_are_flipped_alike(small_data: Path) -> None:
    samples = open_dataset(small_data)
    loader = seed_loader(samples, range(20), Reading(), batch_size=20, training=True, seed=3)
    batch = next(iter(loader))
    hs, rgb = batch.images()
    seen = set()
    for place, index in enumerate(batch.index.tolist()):
        plain_hs = torch.from_numpy(scale_spectra(samples[index].hs))
        plain_rgb = torch.from_numpy(samples[index].rgb.copy()).permute(2, 0, 1)
        for dims in ((), (1,), (2,), (1, 2)):
            if torch.equal(hs[place], plain_hs.flip(dims)):
                assert torch.equal(rgb[place], plain_rgb.flip(dims))
                seen.add(dims)
    assert len(seen) == 4


@pytest.mark.parametrize("modality", ["hs", "rgb"])
def test_a_view_that_is_not_looked_at_is_not_read(small_data: Path, modality: str) -> None:
    samples = open_dataset(small_data)
    batch = next(iter(seed_loader(samples, range(3), Reading(modality), batch_size=9)))  # type: ignore[arg-type]
    assert (batch.hs is None) == (modality == "rgb")
    assert (batch.rgb is None) == (modality == "hs")
    assert batch.label is None
    assert len(batch.to(torch.device("cpu"))) == 3


def test_workers_read_the_same(small_data: Path) -> None:
    samples = open_dataset(small_data)
    alone, helped = (
        list(
            seed_loader(
                samples, range(9), Reading(), batch_size=4, training=True, seed=2, workers=workers
            )
        )
        for workers in (0, 2)
    )
    for one, other in zip(alone, helped, strict=True):
        assert torch.equal(one.hs, other.hs)
        assert torch.equal(one.rgb, other.rgb)
        assert torch.equal(one.turns, other.turns)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(),
        Reading("hs", bands=(2, 5)),
        Reading(bands=(2, 5), scale="after"),
        Reading("hs", bands=(2, 5), weights=(((2, 0.5), (3, 0.5)), ((5, 1.0),))),
        Reading("rgb"),
    ],
)
def test_resident_data_are_what_the_files_hold(small_data: Path, reading: Reading) -> None:
    samples = open_dataset(small_data)
    resident = Resident(samples, range(3, 20), reading)
    before = Resident(samples, range(3, 20), reading).whole
    assert resident.whole.nbytes == pytest.approx(resident_bytes(samples, 17, reading), abs=8 * 17)
    kept, read = (
        list(
            seed_loader(
                samples, range(4, 15), reading, batch_size=4, training=True, seed=2, resident=held
            )
        )
        for held in (resident, None)
    )
    for one, other in zip(kept, read, strict=True):
        for cut in (slice(None), slice(1, 3)):
            images = zip(one.part(cut).images(), other.part(cut).images(), strict=True)
            assert all((a is None and b is None) or torch.equal(a, b) for a, b in images)
        assert torch.equal(one.index, other.index)
        if reading.modality == "bimodal":
            assert one.alone().nbytes < one.nbytes
            assert torch.equal(one.alone().spectra(), one.spectra())
            assert one.to(torch.device("cpu")) is one
            picks = torch.tensor([[1, 0]]).expand(len(one), 2)
            assert torch.equal(one.spectra(picks), other.spectra(picks))
            assert torch.equal(one.tiles(picks, 24), other.tiles(picks, 24))
    for now, then in ((resident.whole.hs, before.hs), (resident.whole.rgb, before.rgb)):
        assert (now is None and then is None) or torch.equal(now, then)


def test_bands_and_tiles_are_those_of_the_whole_images(small_data: Path) -> None:
    samples = open_dataset(small_data)
    loader = seed_loader(samples, range(8), Reading(), batch_size=8, training=True, seed=3)
    batch = next(iter(loader))
    hs, rgb = batch.images()
    bands = torch.stack([torch.randperm(12, generator=_generator(i))[:5] for i in range(8)])
    tiles = torch.stack([torch.randperm(4, generator=_generator(i))[:3] for i in range(8)])
    expected = patchify_rgb(rgb, 24)
    for i in range(8):
        assert torch.equal(batch.spectra(bands)[i], hs[i, bands[i]])
        assert torch.equal(batch.tiles(tiles, 24)[i], expected[i, tiles[i]])
    part = batch.part(slice(2, 5))
    assert torch.equal(part.spectra(), hs[2:5])
    assert torch.equal(part.pictures(), rgb[2:5])
    assert len(part) == 3


def test_turning_each_and_all_at_once_are_the_same() -> None:
    images = torch.rand(4, 3, 5, 5, generator=_generator(0))
    turns = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.bool)
    expected = torch.stack([images[0], images[1].flip(2), images[2].flip(1), images[3].flip(1, 2)])
    assert torch.equal(turned_at_once(images, turns, (2, 3)), expected)
    untouched = images.clone()
    assert torch.equal(turned(images, turns, (2, 3), own=False), expected)
    assert torch.equal(images, untouched)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.float32]),
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3, 4, 8, 12])),
        elements=st.integers(0, 255),
    )
)
def test_bands_first(cube: np.ndarray) -> None:
    found = bands_first(cube)
    assert found.flags.c_contiguous
    assert np.array_equal(found, np.moveaxis(cube, 2, 0))


def test_rgb_numbers_are_kept_as_bytes_where_that_loses_nothing(small_data: Path) -> None:
    samples = open_dataset(small_data)
    assert samples.stored(0).rgb.dtype == np.float32
    resident = Resident(samples, [0, 1], Reading("rgb"))
    assert resident.whole.rgb.dtype is torch.uint8
    every = (np.arange(256, dtype=np.uint8) / np.float32(255)).reshape(1, 256, 1)
    assert np.array_equal(_bytes_of(every)[0, :, 0], np.arange(256))
    between = every + np.float32(1e-3)
    assert _bytes_of(between) is between


def test_bytes_stay_bytes_until_a_number_comes() -> None:
    stack = Stack(3, top=255)
    stack.put(0, np.array([0, 255], np.uint8))
    assert stack.values.dtype == np.uint8
    stack.put(1, np.array([0.25, 0.5], np.float32))
    stack.put(2, np.array([51, 0], np.uint8))
    assert stack.values.dtype == np.float32
    np.testing.assert_array_equal(
        stack.values, np.array([[0, 1], [0.25, 0.5], [51 / np.float32(255), 0]], np.float32)
    )


def test_a_label_that_is_no_class(small_data: Path) -> None:
    samples = open_dataset(small_data)
    reading = Reading(classes=tuple(samples.classes[1:]))
    with pytest.raises(DataError, match="is none of the 18 known classes"):
        seed_loader(samples, range(len(samples)), reading, batch_size=4)
