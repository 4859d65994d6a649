from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.data import Sample, open_dataset, write_tfrecords
from bimae.data.batch import Batch
from bimae.data.loading import seed_loader
from bimae.data.reading import DEVIATIONS, Reading
from bimae.data.shapes import LEAST_VARIANCE, whitened
from bimae.data.standard import LOG_FLOOR, measure_shapes, measure_standard, measure_within
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


def shape_batch(path: Path, bands: tuple[int, ...] | None = None, **how: Any) -> Batch:
    samples = open_dataset(path)
    standard, floor = measure_shapes(samples, range(30))
    reading = Reading("hs", bands, "shape", standard=standard, log_floor=floor, **how)
    return next(iter(seed_loader(samples, range(5), reading, batch_size=5)))


def test_shapes_against_the_definition(small_data: Path) -> None:
    samples = open_dataset(small_data)
    standard, floor = measure_shapes(samples, range(len(samples)))
    pixels = np.concatenate([samples[i].hs.reshape(-1, 12) for i in range(len(samples))])
    pixels = pixels[pixels.any(axis=1)].astype(float)
    assert floor == pytest.approx(LOG_FLOOR * pixels.mean(), rel=1e-6)
    logs = np.log(np.maximum(pixels, floor))
    shapes = logs - logs.mean(axis=1, keepdims=True)
    mean, deviation = np.array(standard).T
    np.testing.assert_allclose(mean, shapes.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(deviation, shapes.std(axis=0), rtol=1e-6)
    reading = Reading("hs", None, "shape", standard=standard, log_floor=floor)
    batch = next(iter(seed_loader(samples, range(5), reading, batch_size=5)))
    raw = np.stack([samples[i].hs for i in range(5)]).astype(float)
    logs = np.log(np.maximum(raw, floor))
    expected = ((logs - logs.mean(axis=-1, keepdims=True) - mean) / deviation / DEVIATIONS + 1) / 2
    expected = np.where(raw.any(axis=-1, keepdims=True), expected.clip(0, 1), 0.5)
    np.testing.assert_allclose(batch.spectra().permute(0, 2, 3, 1).numpy(), expected, atol=1e-4)


def test_a_shape_does_not_depend_on_brightness(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cube = rng.uniform(0.2, 0.8, (4, 4, 6)).astype(np.float32)
    light = rng.uniform(0.5, 2, (4, 4, 1)).astype(np.float32)
    rgb = np.zeros((24, 24, 3), np.float32)
    write_tfrecords(
        tmp_path,
        [Sample("a", None, None, rgb, cube), Sample("b", None, None, rgb, cube * light)],
    )
    samples = open_dataset(tmp_path)
    standard, floor = measure_shapes(samples, [0, 1])
    reading = Reading("hs", None, "shape", standard=standard, log_floor=floor)
    plain, lit = next(iter(seed_loader(samples, [0, 1], reading, batch_size=2))).spectra()
    torch.testing.assert_close(plain, lit, atol=1e-4, rtol=0)


def test_shapes_of_some_bands_are_those_of_a_camera_that_has_only_these(small_data: Path) -> None:
    """To the bit: evaluation with k bands is what a real k-band camera gives."""
    some = (7, 2, 5)
    whole = shape_batch(small_data)
    picks = torch.tensor([some] * 5)
    camera = shape_batch(small_data, some).spectra()
    assert torch.equal(whole.spectra(picks, over=picks), camera)
    fewer = torch.tensor([[2, 5]] * 5)
    assert torch.equal(whole.spectra(fewer, over=picks), camera[:, 1:])


def test_a_pixel_without_light_has_no_shape(tmp_path: Path) -> None:
    cube = np.full((2, 2, 3), 9, np.uint8)
    cube[0, 0] = 0
    cube[1, 1] = 1, 20, 3
    write_tfrecords(tmp_path, [Sample("a", None, None, np.zeros((24, 24, 3), np.float32), cube)])
    samples = open_dataset(tmp_path)
    standard, floor = measure_shapes(samples, [0])
    reading = Reading("hs", None, "shape", standard=standard, log_floor=floor)
    batch = next(iter(seed_loader(samples, [0], reading, batch_size=1)))
    assert (batch.spectra()[0, :, 0, 0] == 0.5).all()
    picks = torch.tensor([[0, 2]])
    assert (batch.spectra(picks, over=picks)[0, :, 0, 0] == 0.5).all()
    assert (batch.spectra()[0, :, 1, 1] != 0.5).all()
    within = measure_within(samples, [0], standard, floor)
    reading = replace(reading, scale="whitened", within=within)
    batch = next(iter(seed_loader(samples, [0], reading, batch_size=1)))
    assert (batch.spectra()[0, :, 0, 0] == 0.5).all()
    assert (batch.spectra(picks, over=picks)[0, :, 0, 0] == 0.5).all()
    assert (batch.spectra()[0, :, 1, 1] != 0.5).any()


def test_shapes_of_negative_spectra_are_refused(tmp_path: Path) -> None:
    cube = np.full((2, 2, 3), -1, np.float32)
    write_tfrecords(tmp_path, [Sample("a", None, None, np.zeros((24, 24, 3), np.float32), cube)])
    with pytest.raises(DataError, match="take scale standard"):
        measure_shapes(open_dataset(tmp_path), [0])


def whitened_reading(path: Path, bands: tuple[int, ...] | None = None, **how: Any) -> Reading:
    samples = open_dataset(path)
    standard, floor = measure_shapes(samples, range(30))
    within = measure_within(samples, range(30), standard, floor)
    return Reading(
        "hs", bands, "whitened", standard=standard, log_floor=floor, within=within, **how
    )


def whitened_batch(path: Path, bands: tuple[int, ...] | None = None) -> Batch:
    samples = open_dataset(path)
    return next(iter(seed_loader(samples, range(5), whitened_reading(path, bands), batch_size=5)))


def test_what_varies_inside_objects_is_measured(small_data: Path) -> None:
    samples, reading = open_dataset(small_data), whitened_reading(small_data)
    mean, deviation = np.array(reading.standard).T
    total, count = np.zeros((12, 12)), 0
    for i in range(30):
        pixels = samples[i].hs.reshape(-1, 12).astype(float)
        logs = np.log(np.maximum(pixels[pixels.any(axis=1)], reading.log_floor))
        shapes = (logs - logs.mean(axis=1, keepdims=True) - mean) / deviation
        total += np.cov(shapes.T, bias=True) * len(shapes)
        count += len(shapes) - 1
    factors = np.array(reading.within)
    found, expected = factors @ factors.T, total / count
    times = np.trace(found) / np.trace(expected)  # brings the whole to deviation 1, below
    np.testing.assert_allclose(found, expected * times, atol=1e-4 * times)


@given(st.integers(2, 9), st.integers(0, 10**6))
def test_whitening_against_the_definition(bands: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(bands, 4)).round(6)
    shapes = rng.normal(size=(2, bands, 3, 3))
    covariance = factors @ factors.T
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors / np.sqrt(np.maximum(values, 0) + LEAST_VARIANCE * values[-1])) @ vectors.T
    found = whitened(torch.from_numpy(shapes).float(), torch.from_numpy(factors).float()).numpy()
    expected = np.einsum("kj,bjhw->bkhw", root, shapes)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_whitened_shapes_vary_alike_inside_objects(small_data: Path) -> None:
    samples, reading = open_dataset(small_data), whitened_reading(small_data)
    mean, deviation = np.array(reading.standard).T
    total, count, squares = np.zeros((12, 12)), 0, []
    for i in range(30):
        pixels = samples[i].hs.reshape(-1, 12).astype(float)
        logs = np.log(np.maximum(pixels[pixels.any(axis=1)], reading.log_floor))
        shapes = torch.from_numpy((logs - logs.mean(axis=1, keepdims=True) - mean) / deviation)
        found = whitened(shapes.T[None, :, :, None], reading.factors())[0, :, :, 0].T.numpy()
        squares.append(np.square(found).mean())
        total += np.cov(found.T, bias=True) * len(found)
        count += len(found) - 1
    found = np.linalg.eigvalsh(total / count)[1:]  # of brightness a shape has nothing
    causes = np.sort(np.square(np.array(reading.within)).sum(axis=0))[-11:]
    expected = causes / (causes + LEAST_VARIANCE * causes[-1])  # alike but where the floor is near
    np.testing.assert_allclose(found / found[-1], expected / expected[-1], rtol=0.02)
    assert expected[-1] / expected[3] < 1.3
    assert np.mean(squares) == pytest.approx(1, abs=0.05)


def test_whitened_bands_are_those_of_a_camera_that_has_only_these(small_data: Path) -> None:
    some = (7, 2, 5)
    whole, picks = whitened_batch(small_data), torch.tensor([some] * 5)
    camera = whitened_batch(small_data, some).spectra()
    assert torch.equal(whole.spectra(picks, over=picks), camera)
    fewer = torch.tensor([[2, 5], [5, 7], [7, 2], [2, 5], [5, 2]])
    found = whole.spectra(fewer, over=picks)
    for n, row in enumerate(fewer.tolist()):
        assert torch.equal(found[n], camera[n, [some.index(band) for band in row]])
    assert torch.equal(whole.spectra(fewer), whole.spectra()[torch.arange(5)[:, None], fewer])
    part = whole.part(slice(1, 3))
    assert torch.equal(part.spectra(picks[:2], over=picks[:2]), camera[1:3])


def test_a_filter_varies_as_its_bands_do(small_data: Path) -> None:
    reading = whitened_reading(small_data, (0, 5), weights=(((0, 0.25), (1, 0.75)), ((5, 1.0),)))
    deviation = np.array(reading.standard)[:, 1]
    moved = np.array(reading.within) * deviation[:, None]
    mixed = (0.25 * moved[0] + 0.75 * moved[1]) / (0.25 * deviation[0] + 0.75 * deviation[1])
    np.testing.assert_allclose(reading.factors()[0].numpy(), mixed, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(reading.factors()[1].numpy(), reading.within[5], rtol=1e-5)


def test_objects_of_one_pixel_cannot_be_whitened(tmp_path: Path) -> None:
    rgb = np.zeros((24, 24, 3), np.float32)
    cube = np.zeros((2, 2, 3), np.uint8)
    cube[0, 0] = 4, 5, 9
    write_tfrecords(tmp_path, [Sample("a", None, None, rgb, cube)])
    samples = open_dataset(tmp_path)
    standard, floor = measure_shapes(samples, [0])
    with pytest.raises(DataError, match="take scale shape"):
        measure_within(samples, [0], standard, floor)
