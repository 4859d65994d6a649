"""What a pixel's missing bands would be, as far as its other bands tell.

Bands that are taken out have to be replaced by something. The mean over samples makes spectra that
no object has (a dark seed with one bright band), and what the model says of these says little about
the seed: on simulated seeds, whose differences are known, such maps are hardly better than chance
(docs/explain.md). So a band becomes what the rest of the spectrum foretells: what is lost is what
it alone had to tell.

Shapes: B batch, n channels, S side of a spectral image, P pixels, V variants of a sample.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

RIDGE = 1e-3  # of the mean variance of channels; noise tells nothing of other bands


class StandIn(Protocol):
    """What knows how to replace bands."""

    @property
    def words(self) -> str:
        """By what, for people."""

    def without(self, image: Tensor, gone: Tensor) -> Tensor:
        """An image [n, S, S] with the channels `gone` (bool [n]) replaced."""


@dataclass(frozen=True)
class Between:
    """Replaces bands by the line between the nearest ones that are left; needs no other samples.

    Attributes:
        places: [n] where each channel lies: nm, or the number of its band. In any order.
    """

    places: Sequence[float]
    words: str = "the line between the bands around them"

    def without(self, image: Tensor, gone: Tensor) -> Tensor:
        """As `StandIn`; beyond the last band that is left, as that; all gone: one half."""
        if gone.all():
            return torch.full_like(image, 0.5)  # of [0, 1], which images lie in
        nm = torch.tensor(self.places, dtype=torch.float64, device=image.device)
        left = (~gone).nonzero()[:, 0]
        left = left[nm[left].argsort()]
        after = torch.searchsorted(nm[left].contiguous(), nm[gone].contiguous())
        low, high = (left[(after + step).clamp(0, len(left) - 1)] for step in (-1, 0))
        wide = nm[high] - nm[low]
        share = torch.where(wide > 0, (nm[gone] - nm[low]) / wide, 0.0).to(image)[:, None, None]
        changed = image.clone()
        changed[gone] = image[low] * (1 - share) + image[high] * share
        return changed


@dataclass(frozen=True)
class Absent:
    """Replaces bands by nothing: the model reads the others alone, as of a camera without these.

    Only a model of any sensor can, and it has learned to. Pixels stay scaled as they were with all
    bands, so that only the bands themselves are missing.

    Attributes:
        otherwise: What replaces bands where not one would be left, nor another view.
    """

    otherwise: StandIn
    words: str = "nothing: the model is shown the other bands alone"

    def without(self, image: Tensor, gone: Tensor) -> Tensor:
        """As `StandIn`, for who has to have an image."""
        return self.otherwise.without(image, gone)


@dataclass(frozen=True)
class Expected:
    """How the channels of pixels go together, in images as the model is shown them.

    Attributes:
        mean: [n] float64.
        covariance: [n, n] float64.
        words: What bands are replaced by, for people.
    """

    mean: Tensor
    covariance: Tensor
    words: str

    @classmethod
    def of(cls, batches: Iterable[Tensor], words: str) -> "Expected":
        """From the pixels of samples [B, n, S, S], at least one; `words` says which these are."""
        count, total, square = 0, None, None
        for hs in batches:
            pixels = hs.double().permute(0, 2, 3, 1).flatten(0, 2)  # [P, n]
            own, products = pixels.sum(dim=0), pixels.T @ pixels
            total = own if total is None else total + own
            square = products if square is None else square + products
            count += len(pixels)
        assert total is not None and square is not None, "there is an image at least"
        mean = total / count
        return cls(
            mean,
            square / count - torch.outer(mean, mean),
            f"what the rest of the spectrum foretells, as learned from {words}",
        )

    def without(self, image: Tensor, gone: Tensor) -> Tensor:
        """An image [n, S, S] with the channels `gone` as its others foretell; all gone: the mean.

        Args:
            image: As the model is shown it.
            gone: Bool [n].
        """
        if not gone.any():
            return image
        left = ~gone
        rise = self._rise(left, gone)
        off = image[left].double() - self.mean[left, None, None]
        told = torch.einsum("lg,lhw->ghw", rise, off) + self.mean[gone, None, None]
        changed = image.clone()
        changed[gone] = told.clamp(0, 1).to(image.dtype)  # what a model is shown lies there
        return changed

    def _rise(self, left: Tensor, gone: Tensor) -> Tensor:
        """[left, gone] of the linear regression of some channels on the others."""
        if not left.any():
            return self.covariance.new_zeros(0, int(gone.sum()))
        ridge = RIDGE * self.covariance.diagonal().mean().clamp(min=1e-12)
        own = self.covariance[left][:, left] + ridge * torch.eye(int(left.sum())).to(self.mean)
        found: Tensor = torch.linalg.solve(own, self.covariance[left][:, gone])
        return found

    def to(self, device: torch.device) -> "Expected":
        """The same on another device."""
        return Expected(self.mean.to(device), self.covariance.to(device), self.words)
