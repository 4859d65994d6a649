"""The discriminant of one camera as a layer, and the averages that it is made of.

Shapes: B batch, m channels of the camera, P pixels, T tiles, F features, K classes, N known
objects.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DARK = 1e-3  # added before a logarithm is taken
SAME = 1e-6  # a value this close to that of padding is it
LEAST = 1e-10  # of the largest variance, in deviations: directions below it are rounding


class DiscriminantLayer(nn.Module):
    """The discriminant of one camera: averages, a linear layer, and a sum for each class.

    A class is as many Gaussians as objects of it are known, each around one of them, all of one
    covariance: that within classes times h^2, h as by Scott's rule, n^(-1 / (d + 4)) for n objects
    a class that vary in d directions. Objects are moved towards the mean of their class by
    sqrt(1 - h^2), so that the whole varies as the class does. The logits are the logarithms of
    these densities, over that of one such Gaussian in the middle. With one object a class, or none,
    h is 1 and this is linear discriminant analysis.

    Sources: Scott, Multivariate Density Estimation (1992); Silverman and Young, Biometrika 74
    (1987), for the move.

    Attributes:
        weight: [F, K * n] of the Gaussians of each class, as many for all.
        bias: [K * n]; minus infinity where a class has fewer.
        centre: [F] the middle.
        blank: [m, 1] what is shown of padding, or None.
        share: What its logits count.
        network: What those of the network count.
    """

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
        known: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None,
        counts: tuple[float, float],
        blank: Tensor | None,
        colours: bool,
    ) -> None:
        """Solves for the weights.

        Args:
            means: [K, F].
            covariance: [F, F]; may be singular: what does not vary does not count.
            prior: [K].
            known: Features of objects [N, F] and their class numbers [N]; None: none.
            counts: What the logits of the network and these count.
            blank: [m] what is shown of padding; None: no spectra are.
            colours: Whether RGB is shown.
        """
        super().__init__()
        self.colours = colours
        self.network, self.share = counts
        centre = means.mean(axis=0)
        classes = len(means)
        inverse, directions = _inverse(covariance)
        spots, of, width = _spots(means, known, directions)
        apart = (spots - centre).T  # [F, G], a column for each Gaussian
        found = inverse @ apart / width**2
        counted = np.bincount(of, minlength=classes)
        said = (prior - np.log(counted))[of] - 0.5 * (apart * found).sum(axis=0)
        weight = np.zeros((len(centre), classes, counted.max()))
        bias = np.full((classes, counted.max()), -np.inf)
        for label in range(classes):
            weight[:, label, : counted[label]] = found[:, of == label]
            bias[label, : counted[label]] = said[of == label]
        self.classes, self.most = weight.shape[1:]
        for name, value in (
            ("weight", weight.reshape(len(centre), -1)),
            ("bias", bias.reshape(-1)),
            ("centre", centre),
        ):
            self.register_buffer(name, torch.from_numpy(value).float())
        self.register_buffer("blank", None if blank is None else blank.float()[:, None].clone())

    def forward(self, hs: Tensor | None = None, rgb: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits [B, K] and averages [B, F] of patches [B, m, P] and tiles [B, T, values]."""
        parts = []
        if self.blank is not None and hs is not None:
            parts.append(mean_spectrum(hs, self.blank))
        if self.colours and rgb is not None:
            parts.append(colours_of(rgb))
        averages = torch.cat(parts, dim=1)
        said = (averages - self.centre) @ self.weight + self.bias
        if self.most > 1:
            said = said.reshape(-1, self.classes, self.most).logsumexp(dim=2)
        return self.share * said, averages


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
    # Of what pixels lack of white, padding adds nothing to any sum. In double: there are thousands.
    dark = 1 - pixels.double()
    there = (pixels.amin(dim=2) < 1).sum(dim=1, keepdim=True)
    count = there + (there == 0) * pixels.shape[1]
    mean = dark.sum(dim=1) / count
    deviation = ((dark * dark).sum(dim=1) / count - mean * mean).clamp(min=0).sqrt()
    return torch.cat([(1 - mean + DARK).log(), (deviation + DARK).log()], dim=1).float()


def _spots(
    means: NDArray[np.float64],
    known: tuple[NDArray[np.float64], NDArray[np.int64]] | None,
    directions: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Middles of Gaussians [G, F], their class numbers [G], and how wide they are beside the class.

    A class of which nothing is known has one, at its mean.
    """
    every = np.arange(len(means))
    if known is None or not len(known[1]):
        return means, every, 1.0
    objects, of = known
    width = float((len(of) / len(np.unique(of))) ** (-1 / (directions + 4)))
    moved = means[of] + np.sqrt(1 - width**2) * (objects - means[of])
    lacking = np.setdiff1d(every, of)
    return np.concatenate([moved, means[lacking]]), np.concatenate([of, lacking]), width


def _inverse(covariance: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """The pseudo-inverse [F, F] of a covariance in any units, and how many directions vary."""
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    values, vectors = np.linalg.eigh(covariance * scale[:, None] * scale)
    kept = values > LEAST * max(values[-1], 0) if len(values) else values > 0
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return np.asarray(scale[:, None] * inverse * scale), int(kept.sum())
