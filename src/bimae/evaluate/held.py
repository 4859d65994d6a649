"""Samples in memory, to ask a classifier about many sets of bands of the same images.

A thousand sets of bands cost a thousand times computing and one time reading.

Shapes: N samples, n channels (bands, or averages of bands), m stored bands of which these are
made, S side of a spectral image, K classes.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data import SeedDataset
from bimae.data.batch import WHOLE, Batch, Sensor
from bimae.data.loading import check_labels
from bimae.data.reading import Reading
from bimae.data.resident import Resident, fits, resident_bytes
from bimae.data.transforms import Mix
from bimae.errors import DataError, ModelError
from bimae.evaluate.asked import Asked
from bimae.evaluate.classification import Predictions
from bimae.evaluate.looks import look
from bimae.evaluate.turning import of_channels, turn_discriminant
from bimae.model import SeedClassifier


@dataclass(frozen=True)
class Held:
    """A part of a data set in memory, on the device that computes, and who is asked about it.

    Attributes:
        model: The classifier, turned to the bands or filters that are held.
        batch: The images as they are stored, with n channels.
        rows: [n] row of the spectral positions of each channel; None: as the model says.
        keys: Name of each of the N samples.
        truth: [N] class numbers of the model.
        reading: How what is held was read.
        wavelengths_nm: Band centres of the sensor in nm, or None where unknown.
    """

    model: SeedClassifier
    batch: Batch
    rows: Tensor | None
    keys: list[str]
    truth: NDArray[np.int64]
    reading: Reading
    wavelengths_nm: tuple[float, ...] | None

    @property
    def channels(self) -> int:
        """How many channels there are."""
        assert self.batch.hs is not None, "bands are asked about, so spectra are read"
        return self.batch.hs.shape[1]


def hold(
    model: SeedClassifier,
    samples: SeedDataset,
    part: Sequence[int],
    *,
    modality: Asked = "auto",
    bands: str = "auto",
) -> Held:
    """Reads samples once, to a GPU where there is one; the model stays as it is.

    Averages of bands that are scaled `after` are kept before that scaling, which depends on which
    of them are shown.

    Args:
        model: The classifier, of which a copy is turned to what is held.
        samples: The data.
        part: Which of them, at least one.
        modality: Views to hold, as in `look`.
        bands: A `BandSelection`; `auto`: all, of a model of one sensor its own.

    Raises:
        BimaeError: As `look`.
        DataError: A label is missing or unknown, or the samples do not fit into memory.
    """
    check_labels(samples, part, model.config.classes)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = deepcopy(model).to(device).eval()
    looks = look(model, samples, modality=modality, bands=bands)
    reading, mix = looks.reading, None
    if reading.weights is not None and reading.scale == "after":
        mix = Mix.of(reading.weights)
        reading = replace(reading, weights=None, bands=tuple(map(int, mix.bands)))
    # numbers of averages are four times the bytes of bands, and there may be more of them
    needed = resident_bytes(samples, len(part), reading)
    needed += (
        0 if mix is None else 4 * len(part) * mix.matrix.shape[0] * (samples.hs_size or 0) ** 2
    )
    if not fits(needed, device):
        raise DataError(
            f"{samples.root}: {len(part)} samples take {needed / 1e9:.1f} GB of memory, more than "
            "can be held; use data with fewer samples in this part, or a machine with more memory"
        )
    batch = Resident(samples, part, reading, device).whole
    number = {name: i for i, name in enumerate(model.config.classes)}
    return Held(
        model,
        batch if mix is None else _averaged(batch, mix),
        None if looks.rows is None else looks.rows.to(device),
        [samples.keys[i] for i in part],
        np.array([number[str(samples.labels[i])] for i in part], np.int64),
        looks.reading,
        samples.wavelengths_nm,
    )


def _averaged(batch: Batch, mix: Mix) -> Batch:
    """Bands [N, m, S, S] as their averages [N, n, S, S], to be scaled over those shown."""
    assert batch.hs is not None and batch.low is not None, "read unscaled"
    matrix = torch.from_numpy(mix.matrix).to(batch.hs.device)
    # The minimum goes first, as weights sum to 1 to rounding only: an even pixel is exactly 0.
    averages = [
        torch.einsum("nm,mhw->nhw", matrix, bands.float() - low)
        for bands, low in zip(batch.hs, batch.low, strict=True)
    ]
    hs = torch.stack(averages)
    low = hs.amin(dim=1, keepdim=True)  # of all; where fewer are shown, theirs is taken
    span = hs.amax(dim=1, keepdim=True) - low
    return replace(batch, hs=hs, low=low, factor=torch.where(span > 0, 1 / span, 0.0))


def answers(
    held: Held,
    channels: Sequence[int] | None = None,
    *,
    exchange: tuple[Sequence[int], Sequence[int]] | None = None,
    batch_size: int = 64,
) -> NDArray[np.float64]:
    """Log-probabilities [N, K] of samples in memory.

    Args:
        held: The samples, and the classifier.
        channels: Which of their channels a classifier of any sensor is shown, ascending; each
            pixel is scaled over these where the model scales so. Default: all.
        exchange: Channels, and [N] for each sample which one's it has in these. What is exchanged
            is what the model is shown, scaled by the own range of the pixel that it comes from.
        batch_size: Samples at a time.

    Raises:
        ModelError: An answer is not finite.
    """
    device = held.batch.index.device
    sensor, rows = WHOLE, held.rows
    if channels is not None:
        picked = torch.tensor(channels, device=device)
        sensor, rows = Sensor(bands=picked), None if rows is None else rows[picked]
    own = None if rows is None else rows.tolist()
    reading = held.reading if channels is None else of_channels(held.reading, channels)
    turn_discriminant(held.model, reading, held.wavelengths_nm, own)
    found = []
    with torch.inference_mode():
        for start in range(0, len(held.truth), batch_size):
            where = slice(start, start + batch_size)
            part = held.batch.part(where)
            hs, rgb = part.images(sensor, cut=False)
            if exchange is not None and hs is not None:
                group = torch.tensor(exchange[0], device=device)
                theirs = held.batch.take(torch.as_tensor(exchange[1], device=device)[where])
                other = theirs.spectra(group.expand(len(part), -1), cut=False)
                hs = hs.index_copy(1, group, other)  # a copy: `hs` may be what is held
            found.append(held.model(hs, rgb, rows).double().log_softmax(dim=1).cpu().numpy())
    table: NDArray[np.float64] = np.concatenate(found)
    if not np.isfinite(table).all():
        raise ModelError("the model's answers to these samples are not finite; use other weights")
    return table


def log_loss(held: Held, table: NDArray[np.float64]) -> float:
    """Mean of what the true class's log-probability lacks to 0, in nats."""
    return float(-table[np.arange(len(held.truth)), held.truth].mean())


def predictions(held: Held, table: NDArray[np.float64]) -> Predictions:
    """Log-probabilities as answers that `score` takes."""
    return Predictions(
        held.model.config.classes, held.keys, held.truth, np.exp(table).astype(np.float32)
    )
