"""Bands that a sensor lacks, made up from those that it has.

A model of any sensor that reads whitened shapes meets another image of a band with every set of
bands beside it, since whitening mixes what is there. Completed, it is always shown all bands of the
sensor that it learned from: those that are missing as a Gaussian would expect them.

Shapes: C bands of the model's sensor, n channels that are there, F factors.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bimae.data.shapes import DEVIATIONS, whitened

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Completion:
    """What is known of all bands of the model's sensor.

    Attributes:
        standard: Mean and deviation of each band's shapes.
        within: What moves each band inside one object, in its deviations; see `measure_within`.
        among: What moves each band's shape from object to object, in logarithms over the error
            that is allowed; see `measure_among`.
    """

    standard: Rows
    within: Rows
    among: Rows

    @cached_property  # the same for every batch
    def target(self) -> Tensor:
        """[C, F] float64: what each factor of `among` is in whitened shapes, as models get them."""
        deviation = np.asarray(self.standard)[:, 1:]
        shapes = torch.from_numpy(np.asarray(self.among) / (2 * DEVIATIONS * deviation))
        factors = torch.from_numpy(np.asarray(self.within))
        return whitened(shapes[None, :, :, None], factors)[0, :, :, 0].double()


def completed(logs: Tensor, own: Tensor, target: Tensor, *, exact: bool = False) -> Tensor:
    """Whitened shapes of all bands from those that are there.

    With P taking off a pixel's mean over its channels, A the factors of these and I the error that
    is allowed, what is expected of the factors of a pixel x is (A'PA + I)^-1 A'P x: how brightly
    the pixel is lit counts for nothing, and of all bands no more is made up than objects differ.

    Args:
        logs: [B, n, S, S] logarithms less what is usual; of pixels without light NaN.
        own: [n, F] factors of the channels.
        target: [C, F] factors of all bands, whitened.
        exact: As of `whitened`.

    Returns:
        [B, C, S, S] float32, or float64, around 0; of pixels without light NaN.
    """
    kind = torch.float64 if exact else torch.float32
    plain = own.double()
    plain = plain - plain.mean(dim=0, keepdim=True)  # P A; P is taken off x too by that
    inner = plain.T @ plain + torch.eye(plain.shape[1], dtype=plain.dtype, device=plain.device)
    weights = (target.double() @ torch.linalg.solve(inner, plain.T)).to(kind)  # [C, n]
    made: Tensor = weights @ logs.to(kind).flatten(2)
    return made.view(len(logs), -1, *logs.shape[2:])
