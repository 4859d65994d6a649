"""Bytes on disk to samples: TFRecords, sizes, splits. No torch is imported here."""

from bimae.data.dataset import SeedDataset, open_dataset
from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.splits import Split, split_dataset
from bimae.data.tfrecord.writer import write_tfrecords
from bimae.data.transforms import scale_spectra

__all__ = [
    "DatasetInfo",
    "Sample",
    "SeedDataset",
    "Split",
    "open_dataset",
    "scale_spectra",
    "split_dataset",
    "write_tfrecords",
]
