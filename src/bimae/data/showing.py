"""What a reading makes of spectra as a matrix, where it is linear in each pixel.

Shapes: C stored bands, n channels (bands, or averages of bands), m of what a model is shown.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data.completion import completed
from bimae.data.reading import ALONE, Reading
from bimae.data.shapes import MIDDLE, whitened
from bimae.data.transforms import Mix


def mixed_by(reading: Reading) -> Tensor | None:
    """[m, n] float64: what mixes the channels of a pixel whose usual value and level are off.

    None where nothing mixes them: by any scale but `whitened`.
    """
    if reading.modality == "rgb" or reading.scale != "whitened":
        return None
    reference, factors, target = reading.reference(), reading.factors(), reading.target()
    assert reference is not None and factors is not None, "shapes are whitened"
    # Both are linear in each pixel: what they make of every channel alone tells all of it.
    alone = torch.eye(reference.shape[1])[None, :, :, None]
    if target is not None:
        return completed(alone, factors, target, exact=True)[0, :, :, 0]
    rise = reference[1].double()[:, None, None]
    return whitened(alone * rise, factors, exact=True)[0, :, :, 0]


def shows(reading: Reading, bands: int) -> NDArray[np.float64] | None:
    """What of each stored band a model is shown.

    Args:
        reading: How spectra are read.
        bands: Stored bands C.

    Returns:
        [m, C]: what this makes of the stored bands' values less their usual ones (of shapes, of
        logarithms) is, plus a constant, what is shown, as long as nothing is cut off at 0 or 1. An
        average's logarithm counts as the average of logarithms. None where each pixel's own range
        is what spectra are scaled by, which is not linear.
    """
    reference = reading.reference()
    if reference is None:
        return None
    rise = reference[1].double().numpy()
    made = np.diag(rise)
    mixed = mixed_by(reading)
    if mixed is not None:
        made = mixed.numpy()
    if reading.scale in ALONE:  # the level of a pixel, its mean over the channels, goes off
        made = made - made.mean(axis=1, keepdims=True)
    found = np.zeros((len(made), bands))
    if reading.weights is not None:
        mix = Mix.of(reading.weights)
        found[:, mix.bands] = made @ mix.matrix
    elif reading.bands is not None:
        found[:, list(reading.bands)] = made
    else:
        found[:] = made
    return found


def blank(reading: Reading, shown: int) -> Tensor:
    """[m] float32: what a model is shown of a pixel that is zero in every band, which is padding.

    Args:
        reading: How spectra are read.
        shown: How many channels m a model is shown.
    """
    if reading.log_floor is not None:
        return torch.full((shown,), MIDDLE)
    reference = reading.reference()
    if reference is None:
        return torch.zeros(shown)
    return -reference[0] * reference[1]
