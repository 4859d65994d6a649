"""Bands that a sensor lacks, made up from those that it has."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.data import Sample, open_dataset, write_tfrecords
from bimae.data.batch import Batch, Sensor
from bimae.data.completion import Completion, completed
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.data.standard import LEAST_AMONG, measure_among, measure_shapes, measure_within
from bimae.errors import DataError


def reading_of(path: Path, bands: tuple[int, ...] | None = None) -> Reading:
    samples = open_dataset(path)
    standard, floor = measure_shapes(samples, range(30))
    within = measure_within(samples, range(30), standard, floor)
    among = measure_among(samples, range(30), standard, floor)
    whole = Completion(standard, within, among)
    return Reading(
        "hs", bands, "whitened", standard=standard, log_floor=floor, within=within,
        completion=whole, among=among,
    )  # fmt: skip


def batch_of(path: Path, reading: Reading) -> Batch:
    return next(iter(seed_loader(open_dataset(path), range(5), reading, batch_size=5)))


@given(st.integers(0, 10_000), st.integers(4, 12))
def test_what_objects_differ_in_is_found_again_from_enough_bands(seed: int, bands: int) -> None:
    """Spectra of two causes, told by any three bands (a brightness goes too) up to the error."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(bands, 2)) * 1e3  # the error is 1
    causes = rng.normal(size=(2, 7))
    logs = own @ causes
    some = np.sort(rng.choice(bands, rng.integers(3, bands + 1), replace=False))
    centred = own[some] - own[some].mean(axis=0)
    if np.linalg.svd(centred, compute_uv=False)[-1] < 50:  # these few cannot tell the causes apart
        return
    seen = logs[some] - logs[some].mean(axis=0)
    target = rng.normal(size=(bands, 2))
    made = completed(
        torch.from_numpy(seen).float()[None, :, :, None],
        torch.from_numpy(own[some]).float(),
        torch.from_numpy(target),
    )[0, :, :, 0].numpy()
    np.testing.assert_allclose(made, target @ causes, atol=5e-3)


def test_it_is_what_a_gaussian_expects() -> None:
    rng = np.random.default_rng(3)
    own, target = rng.normal(size=(6, 4)), rng.normal(size=(9, 4))
    x = rng.normal(size=(6, 5))
    off = np.eye(6) - 1 / 6
    covariance = off @ own @ own.T @ off + np.eye(6)
    expected = target @ own.T @ off @ np.linalg.solve(covariance, off @ x)
    centred = torch.from_numpy(off @ x).float()[None, :, :, None]
    made = completed(centred, torch.from_numpy(own).float(), torch.from_numpy(target))
    np.testing.assert_allclose(made[0, :, :, 0].numpy(), expected, atol=1e-5)


def test_with_all_bands_little_is_changed(small_data: Path) -> None:
    reading = reading_of(small_data)
    plain = batch_of(small_data, replace(reading, completion=None, among=None)).spectra()
    found = batch_of(small_data, reading).spectra()
    assert found.shape == plain.shape
    seen = plain != 0.5
    together = np.corrcoef(found[seen].numpy(), plain[seen].numpy())[0, 1]
    assert together > 0.9


def test_made_up_bands_are_nearer_than_the_mean(small_data: Path) -> None:
    reading = reading_of(small_data)
    batch, some = batch_of(small_data, reading), torch.tensor([0, 3, 5, 8, 11])
    whole, few = batch.spectra(), batch.images(Sensor(bands=some))[0]
    assert few is not None and few.shape == whole.shape == (5, 12, 8, 8)
    objects = (whole != 0.5).any(dim=1)

    def means(images: torch.Tensor) -> np.ndarray:
        pixels = [image[:, there].mean(dim=1) for image, there in zip(images, objects, strict=True)]
        return torch.stack(pixels).numpy()

    lacking = [b for b in range(12) if b not in some.tolist()]
    error = means(few)[:, lacking] - means(whole)[:, lacking]
    spread = means(whole)[:, lacking] - 0.5
    assert np.square(error).mean() < 0.5 * np.square(spread).mean()


def test_some_bands_are_a_camera_with_these_bands_to_the_bit(small_data: Path) -> None:
    some = (2, 5, 7)
    whole = batch_of(small_data, reading_of(small_data))
    camera = batch_of(small_data, reading_of(small_data, some))
    picks = torch.tensor([some] * 5)
    assert torch.equal(whole.spectra(over=picks), camera.spectra())
    assert camera.spectra().shape[1] == 12
    part = whole.part(slice(1, 3))
    assert torch.equal(part.spectra(over=picks[:2]), camera.spectra()[1:3])
    # bands of the made-up image, by their numbers in the model
    asked = torch.tensor([[0, 9]] * 5)
    assert torch.equal(whole.spectra(asked, over=picks), camera.spectra()[:, [0, 9]])


def test_brightness_counts_for_nothing_and_dark_pixels_stay_in_the_middle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cubes = [rng.uniform(0.2, 0.8, (3, 3, 5)).astype(np.float32) for _ in range(6)]
    cubes[0][0, 0] = 0
    rgb = np.zeros((24, 24, 3), np.float32)
    samples = [Sample(str(i), None, None, rgb, cube) for i, cube in enumerate(cubes)]
    write_tfrecords(tmp_path, [*samples, Sample("bright", None, None, rgb, cubes[0] * 1.7)])
    opened = open_dataset(tmp_path)
    standard, floor = measure_shapes(opened, range(6))
    within = measure_within(opened, range(6), standard, floor)
    among = measure_among(opened, range(6), standard, floor)
    reading = Reading(
        "hs", (0, 1, 4), "whitened", standard=standard, log_floor=floor, within=within,
        completion=Completion(standard, within, among), among=among,
    )  # fmt: skip
    plain, bright = next(iter(seed_loader(opened, [0, 6], reading, batch_size=2))).spectra()
    torch.testing.assert_close(plain, bright, atol=1e-3, rtol=0)
    assert (plain[:, 0, 0] == 0.5).all() and (plain[:, 1, 1] != 0.5).any()


def test_factors_are_those_of_mean_shapes(small_data: Path) -> None:
    samples = open_dataset(small_data)
    standard, floor = measure_shapes(samples, range(len(samples)))
    deviation = np.array(standard)[:, 1]
    means = []
    for sample in samples:
        pixels = sample.hs.reshape(-1, 12).astype(float)
        logs = np.log(np.maximum(pixels[pixels.any(axis=1)], floor))
        means.append((logs - logs.mean(axis=1, keepdims=True)).mean(axis=0) / deviation)
    covariance = np.cov(np.array(means).T)
    largest = np.linalg.eigvalsh(covariance)[-1]
    found = np.array(measure_among(samples, range(len(samples)), standard, floor))
    error = LEAST_AMONG * largest * np.square(deviation).mean()
    expected = covariance * np.outer(deviation, deviation) / error
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-4 * np.abs(expected).max())


def test_samples_that_are_all_alike_tell_nothing(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).integers(1, 99, (3, 3, 4)).astype(np.uint8)
    rgb = np.zeros((24, 24, 3), np.float32)
    write_tfrecords(tmp_path, [Sample(str(i), None, None, rgb, cube) for i in range(3)])
    samples = open_dataset(tmp_path)
    standard, floor = measure_shapes(samples, range(3))
    with pytest.raises(DataError, match="the same spectrum"):
        measure_among(samples, range(3), standard, floor)
