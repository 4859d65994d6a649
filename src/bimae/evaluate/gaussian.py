"""The Gaussians of each class: what a discriminant beside a network is made of.

Shapes: N samples, n channels that a classifier was made for, F features, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data import SeedDataset
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.data.showing import blank
from bimae.model import ClassifierConfig
from bimae.model.mean_discriminant import shown_bands
from bimae.model.mean_layer import colours_of, mean_spectrum, object_pixels
from bimae.model.patches import patchify_hs

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

LEAST_WITHIN = 1e-5  # of the largest variance inside objects: smaller ones count as this
NULL = 1e-9  # of it: directions that scaling leaves nothing of
KNOWN = 100  # objects of a class that are remembered; more told nothing (docs/findings.md)


@dataclass(frozen=True)
class Looked:
    """What a discriminant learns from.

    Attributes:
        features: [N, F] mean spectra as shown, then colours.
        inside: [n, n] covariance of what is shown of the pixels of one object.
        truth: [N] class numbers.
    """

    features: Floats
    inside: Floats
    truth: Numbers


def looked(config: ClassifierConfig, samples: SeedDataset, indices: Sequence[int]) -> Looked:
    """Reads what a discriminant learns from; nothing is turned or cut.

    Args:
        config: Of the classifier.
        samples: The data, labelled with its classes.
        indices: Which of them.

    Raises:
        DataError: A record cannot be read.
    """
    reading = Reading.of(config)
    bands = shown_bands(config)
    padding = blank(reading, bands)[:, None]
    rows, truth = [], []
    inside, pixels = torch.zeros(bands, bands, dtype=torch.float64), 0.0
    for batch in seed_loader(samples, indices, reading, batch_size=64):
        hs, rgb = batch.images(cut=False)
        parts = []
        if hs is not None:
            patches = patchify_hs(hs)
            parts.append(mean_spectrum(patches, padding))
            there = object_pixels(patches, padding)
            off = ((patches - parts[0][:, :, None]) * there).double()
            inside += torch.einsum("bip,bjp->ij", off, off)
            pixels += float((there.sum(dim=2) - 1).sum())
        if rgb is not None:
            parts.append(colours_of(rgb.permute(0, 2, 3, 1).flatten(1, 2)))
        assert batch.label is not None, "labels are read"
        rows.append(torch.cat(parts, dim=1).double().numpy())
        truth.append(batch.label.numpy())
    return Looked(np.concatenate(rows), (inside / max(pixels, 1)).numpy(), np.concatenate(truth))


def gaussian(seen: Looked, classes: int) -> tuple[Floats, Floats, float]:
    """Means [K, F], covariance [F, F] within classes, and how much that was shrunk.

    The mean of a class without samples is that of all.
    """
    z, back = _in_units_of_inside(seen)
    counts = np.bincount(seen.truth, minlength=classes)
    sums = np.zeros((classes, z.shape[1]))
    np.add.at(sums, seen.truth, z)
    there = counts > 0
    means = np.where(there[:, None], sums / np.maximum(counts, 1)[:, None], z.mean(axis=0))
    off = z - means[seen.truth]
    if np.allclose(off, 0):  # one sample of each class: only pixels tell what varies
        covariance, shrinkage = np.eye(z.shape[1]), 1.0
    else:
        with threadpool_limits(1):
            covariance, shrinkage = ledoit_wolf(off, assume_centered=True)
        covariance = covariance * (len(z) / max(len(z) - there.sum(), 1))
    full = np.zeros((classes, seen.features.shape[1]))
    np.add.at(full, seen.truth, seen.features)
    full = np.where(
        there[:, None], full / np.maximum(counts, 1)[:, None], seen.features.mean(axis=0)
    )
    return full, back @ covariance @ back.T, float(shrinkage)


def remembered(seen: Looked, most: int = KNOWN) -> tuple[Floats, Numbers]:
    """Features [M, F] and class numbers [M] of up to `most` objects of each class.

    They are taken at equal steps through the data, whose order goes by group or by place as a rule.
    """
    picked = []
    for label in np.unique(seen.truth):
        there = np.flatnonzero(seen.truth == label)
        picked.append(
            there[np.linspace(0, len(there) - 1, min(most, len(there))).round().astype(int)]
        )
    taken = np.sort(np.concatenate(picked))
    return seen.features[taken], seen.truth[taken]


def _in_units_of_inside(seen: Looked) -> tuple[Floats, Floats]:
    """Features [N, G] in which pixels of one object vary alike in every direction.

    Spectral and colour features vary alike within classes, on average. Directions that scaling
    leaves nothing of are left out, so that G may be below F.

    Returns:
        These, and [F, G] what takes their covariance back to that of the features as shown.
    """
    bands = len(seen.inside)
    blocks, backs = [], []
    if bands:
        inside = seen.inside
        if not inside.any():  # objects of one pixel: each band counts by how much it varies
            inside = np.diag(seen.features[:, :bands].var(axis=0) + 1e-12)
        values, vectors = np.linalg.eigh(inside)
        kept = values > NULL * max(values[-1], 1e-300)
        root = np.sqrt(values[kept] + LEAST_WITHIN * values[-1])
        blocks.append(seen.features[:, :bands] @ (vectors[:, kept] / root))
        backs.append(vectors[:, kept] * root)
    colours = seen.features[:, bands:]
    if colours.shape[1]:
        deviation = np.maximum(colours.std(axis=0), 1e-9)
        blocks.append(colours / deviation)
        backs.append(np.diag(deviation))
    for place, block in enumerate(blocks):
        means = np.stack([block[seen.truth == k].mean(axis=0) for k in np.unique(seen.truth)])
        off = block - means[np.searchsorted(np.unique(seen.truth), seen.truth)]
        size = float(np.sqrt(np.square(off).mean())) or float((means - means.mean(axis=0)).std())
        size = size or 1.0
        blocks[place], backs[place] = block / size, backs[place] * size
    back = np.zeros((sum(b.shape[0] for b in backs), sum(b.shape[1] for b in backs)))
    row = column = 0
    for part in backs:
        back[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return np.concatenate(blocks, axis=1), back
