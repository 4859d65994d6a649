"""What stands in for a piece of an image that is taken out: an image that speaks for no class.

Shapes: B batch, n channels, S side of a spectral image, H side of the RGB image.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Neutral:
    """The mean image of each view, over samples of all classes.

    A piece of it is like the images that the model knows, as black or noise would not be, and it
    holds what is common to all samples, such as the lamp and the place of a seed in its picture.

    Attributes:
        hs: [n, S, S] as the model is shown it (scaled); None where no spectra are shown.
        rgb: [3, H, H]; None where no RGB image is shown.
        words: Of what it is the mean, for people.
    """

    hs: Tensor | None
    rgb: Tensor | None
    words: str

    @classmethod
    def mean_of(
        cls, batches: Iterable[tuple[Tensor | None, Tensor | None]], words: str
    ) -> "Neutral":
        """The mean over images.

        Args:
            batches: Images as the model is shown them, [B, n, S, S] and [B, 3, H, H]; at least one.
            words: Of what it is the mean.
        """
        sums: list[Tensor | None] = [None, None]
        counts = [0, 0]
        for images in batches:
            for place, view in enumerate(images):
                if view is not None:
                    own = view.double().sum(dim=0)
                    before = sums[place]
                    sums[place] = own if before is None else before + own
                    counts[place] += len(view)
        hs, rgb = (
            None if total is None else (total / count).float()
            for total, count in zip(sums, counts, strict=True)
        )
        assert hs is not None or rgb is not None, "there is an image at least"
        return cls(hs, rgb, words)

    @classmethod
    def mean_inside(cls, hs: Tensor | None, rgb: Tensor | None) -> "Neutral":
        """Even images, each channel the mean of one sample's own [n, S, S] and [3, H, H]."""
        hs, rgb = (
            None if view is None else view.mean((1, 2), keepdim=True).expand_as(view)
            for view in (hs, rgb)
        )
        return cls(hs, rgb, "the mean of the image itself")

    def to(self, device: torch.device) -> "Neutral":
        """The same on another device."""
        hs, rgb = (None if view is None else view.to(device) for view in (self.hs, self.rgb))
        return Neutral(hs, rgb, self.words)
