"""Discriminant analysis of one camera as a layer, and the averages that it is made of.

Shapes: B batch, m channels of the camera, P pixels, T tiles, F features, K classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DARK = 1e-3  # added before a logarithm is taken
SAME = 1e-6  # a value this close to that of padding is it
LEAST = 1e-10  # of the largest variance, in deviations: directions below it are rounding


class DiscriminantLayer(nn.Module):
    """Discriminant analysis of one camera: averages, and a linear layer."""

    weight: Tensor
    bias: Tensor
    centre: Tensor
    blank: Tensor | None

    def __init__(
        self,
        means: NDArray[np.float64],
        covariance: NDArray[np.float64],
        prior: NDArray[np.float64],
        *,
        counts: tuple[float, float],
        blank: Tensor | None,
        colours: bool,
    ) -> None:
        """Solves for the weights.

        Args:
            means: [K, F].
            covariance: [F, F]; may be singular: what does not vary does not count.
            prior: [K].
            counts: What the logits of the network and these count.
            blank: [m] what is shown of padding; None: no spectra are.
            colours: Whether RGB is shown.
        """
        super().__init__()
        self.colours = colours
        self.network, share = counts
        centre = means.mean(axis=0)
        apart = means - centre
        weight = _solved(covariance, apart.T)  # [F, K]
        bias = prior - 0.5 * (apart.T * weight).sum(axis=0)
        for name, value in (("weight", weight), ("bias", bias)):
            self.register_buffer(name, torch.from_numpy(share * value).float())
        self.register_buffer("centre", torch.from_numpy(centre).float())
        self.register_buffer("blank", None if blank is None else blank.float()[:, None].clone())

    def forward(self, hs: Tensor | None = None, rgb: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits [B, K] and averages [B, F] of patches [B, m, P] and tiles [B, T, values]."""
        parts = []
        if self.blank is not None and hs is not None:
            parts.append(mean_spectrum(hs, self.blank))
        if self.colours and rgb is not None:
            parts.append(colours_of(rgb))
        averages = torch.cat(parts, dim=1)
        return (averages - self.centre) @ self.weight + self.bias, averages


def mean_spectrum(hs: Tensor, blank: Tensor) -> Tensor:
    """Patches [B, m, P] to their means [B, m] over pixels that are not padding.

    Args:
        hs: What the network is shown.
        blank: [m, 1] what that is of padding. An object that is padding only has that mean.
    """
    there = object_pixels(hs, blank)
    # in double: hundreds of pixels are added up, and what is left of them is small
    return ((hs * there).sum(dim=2, dtype=torch.float64) / there.sum(dim=2)).float()


def object_pixels(hs: Tensor, blank: Tensor) -> Tensor:
    """[B, 1, P] float32: 1 where a pixel is none of padding; all 1 where there is no other."""
    there = ((hs - blank).abs() > SAME).any(dim=1, keepdim=True).to(hs.dtype)
    return there + (there.sum(dim=2, keepdim=True) == 0).to(hs.dtype)


def colours_of(rgb: Tensor) -> Tensor:
    """Tiles [B, T, values] to logarithms of mean and deviation of each colour [B, 6].

    White pixels are padding.
    """
    pixels = rgb.reshape(rgb.shape[0], -1, 3)
    there = (pixels < 1).any(dim=2, keepdim=True).to(pixels.dtype)
    there = there + (there.sum(dim=1, keepdim=True) == 0).to(pixels.dtype)
    # in double, as means of spectra are: thousands of pixels
    count = there.sum(dim=1, dtype=torch.float64)
    mean = (pixels * there).sum(dim=1, dtype=torch.float64) / count
    off = (pixels - mean[:, None].float()) * there
    deviation = ((off * off).sum(dim=1, dtype=torch.float64) / count).sqrt()
    return torch.cat([(mean + DARK).log(), (deviation + DARK).log()], dim=1).float()


def _solved(covariance: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pseudo-inverse of a covariance times [F, K], whatever the units of the features."""
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    values, vectors = np.linalg.eigh(covariance * scale[:, None] * scale)
    kept = values > LEAST * max(values[-1], 0) if len(values) else values > 0
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return np.asarray(scale[:, None] * (inverse @ (scale[:, None] * right)))
