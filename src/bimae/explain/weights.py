"""What tokens weigh in a decision, by attention: one pass forward, one back, no other images.

Shapes: B batch, n channels (bands, or averages of bands), S side of a spectral image, H side of the
RGB image, T RGB tiles, N tokens.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bimae.explain.attention import Attended, attended
from bimae.explain.rollout import relevance, rollout
from bimae.explain.target import log_odds
from bimae.model import SeedClassifier
from bimae.model.trunk import Bands

By = Literal["relevance", "rollout"]


@dataclass(frozen=True)
class TokenWeights:
    """What each token weighs; of a sample, all of them sum to 1 over both views.

    Attributes:
        classes: [B] number of the class that is explained.
        probability: [B] of that class, as the network says it: not calibrated.
        bands: [B, n], 0 or more; None where no spectra were shown.
        tiles: [B, T], row by row of the image; None where no RGB image was shown.
    """

    classes: Tensor
    probability: Tensor
    bands: Tensor | None
    tiles: Tensor | None

    def tile_map(self) -> Tensor:
        """[B, G, G] the tiles where they lie in the image."""
        assert self.tiles is not None, "no RGB image was shown"
        side = round(self.tiles.shape[1] ** 0.5)
        return self.tiles.view(-1, side, side)


def token_weights(
    model: SeedClassifier,
    hs: Tensor | None = None,
    rgb: Tensor | None = None,
    bands: Bands = None,
    *,
    classes: Tensor | None = None,
    against: Tensor | None = None,
    by: By = "relevance",
) -> TokenWeights:
    """What the bands and tiles of some samples weighed in the answers to them.

    Args:
        model: The classifier, in float32.
        hs: [B, n, S, S] as `SeedClassifier.features` takes it.
        rgb: [B, 3, H, H] likewise.
        bands: [n] rows of the spectral positions, likewise.
        classes: [B] which class to explain; default: the likeliest of each sample.
        against: [B] against which single class; default: against all others.
        by: `relevance` depends on the class and on gradients; `rollout` is the same for every class
            (docs/explain.md says how far either is to be believed).

    Raises:
        ModelError: As the model's own pass.
    """
    # also where whoever calls keeps no gradients
    with torch.inference_mode(False), torch.enable_grad():
        found = attended(model, hs, rgb, bands)
        # clones: what was made in inference mode has no place among gradients
        classes = found.logits.argmax(dim=1) if classes is None else classes.clone()
        against = None if against is None else against.clone()
        if by == "rollout":
            mixed = rollout(found.weights)
        else:
            mixed = relevance(found, log_odds(found.logits, classes, against))
    taken = _pooled(found, mixed)
    total = taken.sum(dim=1, keepdim=True)
    # nothing reached the answer over attention: then no token weighs more than another
    taken = torch.where(total > 0, taken / total, torch.full_like(taken, 1 / taken.shape[1]))
    said = found.logits.detach().softmax(dim=1).gather(1, classes[:, None])[:, 0]
    return TokenWeights(
        classes,
        said,
        taken[:, : found.bands] if found.bands else None,
        taken[:, found.bands :] if found.tiles else None,
    )


def _pooled(found: Attended, mixed: Tensor) -> Tensor:
    """[B, N, N] of final tokens to what the pool takes of the first ones, [B, bands + tiles].

    A global token that is pooled by is the last one; it is no part of an image and left out.
    """
    count = found.bands + found.tiles
    taken = mixed[:, -1] if mixed.shape[1] > count else mixed.mean(dim=1)
    return taken[:, :count]
