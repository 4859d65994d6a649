from pathlib import Path

import numpy as np
import pytest
import torch

from bimae.data import Sample, open_dataset, write_tfrecords
from bimae.data.loading import seed_loader
from bimae.data.reading import DEVIATIONS, Reading
from bimae.data.standard import measure_standard
from bimae.errors import DataError


def test_mean_and_deviation_of_objects(small_data: Path) -> None:
    samples = open_dataset(small_data)
    found = np.array(measure_standard(samples, range(30)))
    pixels = np.concatenate([samples[i].hs.reshape(-1, 12) for i in range(30)]).astype(float)
    pixels = pixels[pixels.any(axis=1)]
    np.testing.assert_allclose(found[:, 0], pixels.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found[:, 1], pixels.std(axis=0), rtol=1e-6)


def test_nothing_but_padding(tmp_path: Path) -> None:
    rgb, hs = np.zeros((24, 24, 3), np.float32), np.zeros((4, 4, 3), np.uint8)
    write_tfrecords(tmp_path, [Sample("a", None, None, rgb, hs)])
    with pytest.raises(DataError, match="zero in every band"):
        measure_standard(open_dataset(tmp_path), [0])


@pytest.mark.parametrize("bands", [None, (7, 2, 5)])
def test_each_band_by_its_own_numbers(small_data: Path, bands: tuple[int, ...] | None) -> None:
    samples = open_dataset(small_data)
    standard = measure_standard(samples, range(len(samples)))
    reading = Reading("hs", bands, "standard", standard=standard)
    batch = next(iter(seed_loader(samples, range(5), reading, batch_size=5)))
    chosen = list(bands or range(12))
    mean, deviation = np.array(standard)[chosen].T
    raw = np.stack([samples[i].hs[..., chosen] for i in range(5)]).astype(float)
    expected = ((raw - mean) / deviation / DEVIATIONS + 1) / 2
    found = batch.spectra().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected.clip(0, 1), atol=1e-5)
    picks = torch.tensor([[1, 0]] * 5)
    assert torch.equal(batch.spectra(picks), batch.spectra()[:, [1, 0]])
    assert torch.equal(batch.part(slice(1, 3)).spectra(), batch.spectra()[1:3])


def test_a_filter_has_the_mean_of_its_bands(small_data: Path) -> None:
    samples = open_dataset(small_data)
    standard = measure_standard(samples, range(len(samples)))
    weights = (((0, 0.25), (1, 0.75)),)
    reading = Reading("hs", (1,), "standard", weights=weights, standard=standard)
    batch = next(iter(seed_loader(samples, [3], reading, batch_size=1)))
    mean, deviation = 0.25 * np.array(standard[0]) + 0.75 * np.array(standard[1])
    raw = samples[3].hs.astype(float)
    average = 0.25 * raw[..., 0] + 0.75 * raw[..., 1]
    expected = ((average - mean) / deviation / DEVIATIONS + 1) / 2
    np.testing.assert_allclose(batch.spectra()[0, 0].numpy(), expected.clip(0, 1), atol=1e-5)
