"""What an answer loses when a piece of a sample is taken out.

Bands become what the rest of the spectrum foretells (`expected.py`), regions the mean spectrum of
their own image, and tiles the same place of the mean RGB image of other samples: measured to be the
best of what was tried (docs/explain.md). A model of any sensor can also be shown the other bands
alone.

Shapes: V variants of a sample, C cells, W windows, K classes, n channels, S and H sides.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.explain.expected import Absent, StandIn
from bimae.explain.pieces import Pieces
from bimae.explain.target import log_odds
from bimae.model import SeedClassifier
from bimae.model.trunk import Bands


@dataclass(frozen=True)
class Asked:
    """A sample whose answer is explained, and who gave it.

    Attributes:
        model: The classifier, ready to answer (`eval`).
        hs: [n, S, S] as the model is shown it; None where it is shown none.
        rgb: [3, H, H] likewise.
        rows: [n] rows of the spectral positions; None: as the model says.
        target: Number of the class that is explained.
        against: Of a single class to hold it against; None: all others.
        stand_in: What bands that are taken out become; None where none are.
        mean_rgb: [3, H, H] what tiles become; None: the mean colour of their own image.
        batch_size: Variants at a time.
    """

    model: SeedClassifier
    hs: Tensor | None
    rgb: Tensor | None
    rows: Bands
    target: int
    against: int | None = None
    stand_in: StandIn | None = None
    mean_rgb: Tensor | None = None
    batch_size: int = 64

    def without(self, pieces: Pieces, together: Tensor) -> Tensor:
        """Logits [V, K] when sets of cells bool [V, C] are taken out, each for itself."""
        if pieces.kind == "bands" and isinstance(self.stand_in, Absent):
            return self._fewer(pieces.masks(together).flatten(1))
        found = []
        with torch.inference_mode():
            for start in range(0, len(together), self.batch_size):
                some = together[start : start + self.batch_size]
                changed = self._changed(pieces, some)
                other = self.rgb if pieces.view == "hs" else self.hs
                same = None if other is None else other.expand(len(some), *other.shape)
                views = (changed, same) if pieces.view == "hs" else (same, changed)
                found.append(self.model(*views, self.rows).float())
        return torch.cat(found)

    def _fewer(self, gone: Tensor) -> Tensor:
        """Logits [V, K] without channels bool [V, n], which are not shown at all.

        One variant after another: each has channels of its own, so they are no batch.
        """
        assert self.hs is not None and isinstance(self.rows, Tensor), (
            "bands of any sensor are shown"
        )
        rgb = None if self.rgb is None else self.rgb[None]
        found = []
        with torch.inference_mode():
            for left in ~gone.to(self.hs.device):
                if left.any():
                    logits = self.model(self.hs[left][None], rgb, self.rows[left])
                elif rgb is not None:
                    logits = self.model(None, rgb)
                else:  # a sample of which nothing is left cannot be shown
                    assert self.stand_in is not None, "bands become something else"
                    logits = self.model(
                        self.stand_in.without(self.hs, ~left)[None], None, self.rows
                    )
                found.append(logits.float())
        return torch.cat(found)

    def _changed(self, pieces: Pieces, together: Tensor) -> Tensor:
        """The view [V, ...] without each of the sets of cells."""
        image = self.hs if pieces.view == "hs" else self.rgb
        assert image is not None, f"{pieces.view} is shown"
        masks = pieces.masks(together).to(image.device)
        if pieces.kind != "bands":
            plain = self.mean_rgb if pieces.kind == "tiles" else None
            even = image.mean((1, 2), keepdim=True) if plain is None else plain
            return torch.where(masks, even, image)
        assert self.stand_in is not None, "bands become something else"
        return torch.stack([self.stand_in.without(image, gone.flatten()) for gone in masks])

    def favour(self, logits: Tensor) -> Tensor:
        """[V] log-odds of the class that is explained."""
        count = len(logits)
        target = torch.full((count,), self.target, device=logits.device)
        against = None if self.against is None else torch.full_like(target, self.against)
        return log_odds(logits, target, against)


def occlusion(asked: Asked, pieces: Pieces) -> Tensor:
    """Falls of log-odds [C] without the cells, windows of them taken out at a time.

    Above 0: it spoke for the class. Below: against it.
    """
    nothing = torch.zeros(1, len(pieces), dtype=torch.bool)
    odds = asked.favour(asked.without(pieces, torch.cat([nothing, pieces.windows])))
    return pieces.of_windows((odds[0] - odds[1:]).cpu())
