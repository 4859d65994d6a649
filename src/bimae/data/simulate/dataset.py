"""A simulated data set on disk."""

from collections.abc import Callable, Iterable
from pathlib import Path

from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.simulate.samples import simulate_samples, wavelengths
from bimae.data.tfrecord.writer import write_tfrecords

SAMPLES_PER_SHARD = 256  # 256 seeds of 300 bands are about 160 MB as the authors store them


def simulate_dataset(
    out: Path,
    *,
    per_class: int = 40,
    bands: int = 300,
    seed: int = 0,
    progress: Callable[[Iterable[Sample]], Iterable[Sample]] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Writes a simulated data set: TFRecords and `dataset.json`.

    Args:
        out: The folder to write to.
        per_class: Seeds of each of the 19 species.
        bands: Spectral bands, evenly spaced from 400 to 1000 nm.
        seed: Seed of all randomness: the same number writes the same bytes.
        progress: Wraps the samples while they are drawn, for a progress bar; there will be
            `19 * per_class` of them.
        overwrite: Replace records that are there already.

    Returns:
        The TFRecord files.

    Raises:
        ConfigError: A number is too small.
        DataError: `out` holds records already and `overwrite` is False.
    """
    samples: Iterable[Sample] = simulate_samples(per_class=per_class, bands=bands, seed=seed)
    if progress is not None:
        samples = progress(samples)
    files = write_tfrecords(out, samples, samples_per_shard=SAMPLES_PER_SHARD, overwrite=overwrite)
    DatasetInfo(
        name="simulated seeds",
        simulated=True,
        wavelengths_nm=wavelengths(bands),
        source=(
            f"bimae data simulate, 19 species x {per_class} seeds, {bands} bands, seed {seed}: "
            "a simulation, not measured (docs/simulator.md)"
        ),
        # as an import with --store uint8 has them, so that a camera's simulated files go with these
        unit="reflectance x 255, rounded",
        rgb="camera",
    ).save(out)
    return files
