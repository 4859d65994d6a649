"""Samples that a program holds, behind the face of a data set."""

import numpy as np
import pytest

from bimae.data import DatasetInfo, open_dataset
from bimae.data.dataset import StoredImages
from bimae.data.given import GivenSamples
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.errors import BandError


@pytest.fixture
def records(small_data):
    return open_dataset(small_data)


def given(records, **changes):
    sizes = {"hs_size": records.hs_size, "rgb_size": records.rgb_size}
    return GivenSamples(
        records.stored,
        records.labels,
        **({"bands": records.bands, "info": records.info} | sizes | changes),
    )


@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_loaders_read_the_same_of_both(records, modality):
    reading = Reading(modality, classes=tuple(records.classes))
    picks = [5, 3, 70]
    ours, theirs = (
        next(iter(seed_loader(samples, picks, reading, batch_size=3, training=True)))
        for samples in (given(records), records)
    )
    for one, other in zip(ours.images(), theirs.images(), strict=True):
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one, other)
    assert ours.label.tolist() == theirs.label.tolist()


def test_what_it_says_of_itself(records):
    samples = given(records)
    assert len(samples) == len(records)
    assert (samples.classes, samples.wavelengths_nm) == (records.classes, records.wavelengths_nm)
    assert [samples.shard_of(i) for i in (0, -1)] == [0, 0]
    assert (samples.shards_at_once, samples.resized) == (None, ())
    assert samples.where(-1) == "X[75]"
    assert np.array_equal(samples[3].rgb, records[3].rgb)
    assert [sample.label for sample in samples[:2]] == records.labels[:2]
    with pytest.raises(IndexError):
        samples.stored(76)


def test_images_come_at_the_size_that_is_asked_for(records):
    resized = given(records, hs_size=5, rgb_size=24)
    rgb, hs = resized.stored(0)
    assert (rgb.shape, hs.shape) == ((24, 24, 3), (5, 5, 12))
    assert abs(rgb.mean() - records[0].rgb.mean()) < 0.01


def test_a_view_that_nobody_has():
    cube = np.ones((2, 2, 3), np.uint8)
    samples = GivenSamples(
        lambda _: StoredImages(None, cube), ["a"], bands=3, hs_size=2, rgb_size=None
    )
    assert samples.stored(0).rgb is None
    assert samples[0].rgb.size == 0


def test_wavelengths_of_another_sensor_are_refused(records):
    with pytest.raises(BandError, match="2 wavelengths for images of 12 bands"):
        given(records, info=DatasetInfo(wavelengths_nm=(500.0, 600.0)))
