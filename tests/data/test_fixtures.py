"""Files that TensorFlow wrote read back to what they were made of."""

import numpy as np
import pytest

from bimae.data import open_dataset

FILES = {
    "a_schema-00000-of-00002.tfrecord": range(3),
    "a_schema-00001-of-00002.tfrecord": range(3, 6),
    "a_schema_gzip.tfrecord.gz": range(4),
    "b_rgb_bytes.tfrecord": range(2),
    "c_builder_gzip.tfrecords": range(3),
    "d_serialized_tensors.tfrecord": range(2),
    "e_unlabelled.tfrecord": range(2),
}


@pytest.fixture(scope="module")
def expected(shared):
    with np.load(shared / "fixtures/tfrecords/expected.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", FILES)
def test_every_file_reads_back(shared, expected, name):
    ds = open_dataset(shared / "fixtures/tfrecords" / name)
    numbers = list(FILES[name])
    labels = [None] * len(numbers) if name.startswith("e_") else list(expected["labels"][numbers])
    assert len(ds) == len(numbers)
    assert ds.ids == list(expected["ids"][numbers])
    assert ds.labels == labels
    assert ds.groups == [None] * len(numbers)
    assert ds.classes == sorted({label for label in labels if label})
    assert (ds.bands, ds.hs_size, ds.rgb_size) == (300, 24, 192)
    if name.startswith("c_"):
        return  # other pixels: see below
    for sample, number in zip(ds, numbers, strict=True):
        assert sample.rgb.dtype == np.float32 and sample.hs.dtype == np.uint8
        np.testing.assert_array_equal(sample.rgb, expected["rgb"][number] / np.float32(255))
        np.testing.assert_array_equal(sample.hs, expected["hs"][number])
        assert not sample.rgb.flags.writeable and not sample.hs.flags.writeable


def test_the_builders_layout_comes_as_stored(shared):
    path = shared / "fixtures/tfrecords/c_builder_gzip.tfrecords"
    for sample in open_dataset(path, hs_size=None, rgb_size=None):
        assert sample.rgb.shape == (120, 160, 3) and sample.rgb.dtype == np.float32
        assert sample.hs.shape == (30, 26, 300) and sample.hs.dtype == np.float32


def test_the_builders_layout_is_brought_to_size(shared, expected):
    """The same seeds seen by another crop: alike in the middle, zeros where expected has none."""
    ds = open_dataset(shared / "fixtures/tfrecords/c_builder_gzip.tfrecords")
    for number, sample in enumerate(ds):
        rgb, hs = expected["rgb"][number] / 255, expected["hs"][number] / 255
        assert sample.rgb.shape == rgb.shape and sample.hs.shape == hs.shape
        # 30x26 pixels fit into 24x20: one column of zeros at the left, three at the right.
        np.testing.assert_array_equal(sample.hs.any(axis=(0, 2)).nonzero()[0], np.arange(1, 21))
        # 120 rows of 160 become 144 of 192, with white above and below.
        assert (sample.rgb[:23] == 1).all() and (sample.rgb[-23:] == 1).all()
        assert np.corrcoef(sample.rgb.ravel(), rgb.ravel())[0, 1] > 0.8
        assert np.abs(sample.rgb - rgb).mean() < 0.06
        inner = (slice(2, 22), slice(3, 19))
        assert np.corrcoef(sample.hs[inner].ravel(), hs[inner].ravel())[0, 1] > 0.85
        # The seed itself, where its place hardly matters: one material, one spectrum.
        spectra = [cube[9:15, 9:15].mean(axis=(0, 1)) for cube in (sample.hs, hs)]
        np.testing.assert_allclose(*spectra, atol=0.03)


def test_all_files_as_one_data_set(shared):
    ds = open_dataset(shared / "fixtures/tfrecords")
    assert len(ds) == 19 and ds.declared_splits == [None] * 19
    assert (ds.hs_size, ds.rgb_size) == (24, 192)
    assert len(set(ds.keys)) == 19
    assert all(sample.hs.shape == (24, 24, 300) for sample in ds)
