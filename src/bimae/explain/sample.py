"""Maps of a few samples in one call, for who has images and a model and nothing else.

Shapes: B batch, n channels (bands, or averages of bands), S side of a spectral image, H side of the
RGB image, T RGB tiles, G tiles and R regions along a side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.explain.neutral import Neutral
from bimae.explain.occlusion import Asked, occlusion
from bimae.explain.pieces import region_pieces
from bimae.explain.weights import By, token_weights
from bimae.model import SeedClassifier
from bimae.model.trunk import Bands


@dataclass(frozen=True)
class Explanation:
    """What carried the answers to B samples.

    Attributes:
        classes: [B] number of the class that is explained.
        probability: [B] of that class, as the network says it: not calibrated.
        bands: [B, n] what each channel weighed, 0 or more; None where no spectra were shown.
        tiles: [B, G, G] what each RGB tile weighed, 0 or more, where it lies in the image; with
            `bands` these sum to 1. None where no RGB image was shown.
        regions: [B, R, R] fall of the log-odds of the class without a region of the spectral
            image: above 0 where it spoke for the class, below where against it. None where no
            spectra were shown.
    """

    classes: Tensor
    probability: Tensor
    bands: Tensor | None
    tiles: Tensor | None
    regions: Tensor | None


def explain_sample(
    model: SeedClassifier,
    hs: Tensor | None = None,
    rgb: Tensor | None = None,
    bands: Bands = None,
    *,
    classes: Tensor | None = None,
    neutral: Neutral | None = None,
    by: By = "relevance",
) -> Explanation:
    """What carried the answers to some samples: one pass with gradients, 36 without.

    Args:
        model: The classifier, in float32, ready to answer (`eval`).
        hs: [B, n, S, S] as `SeedClassifier.features` takes it.
        rgb: [B, 3, H, H] likewise.
        bands: [n] rows of the spectral positions, likewise.
        classes: [B] which class to explain; default: the likeliest of each sample.
        neutral: What stands in for a region that is taken out; default: of each sample the mean of
            its own image, which needs no other samples and tells less.
        by: How bands and tiles are weighed, see `token_weights`.

    Raises:
        ModelError: As the model's own pass.
    """
    weighed = token_weights(model, hs, rgb, bands, classes=classes, by=by)
    regions = None
    if weighed.bands is not None and hs is not None:
        pieces = region_pieces(hs.shape[-1])
        side = round(len(pieces) ** 0.5)
        rows = []
        for i, target in enumerate(weighed.classes.tolist()):
            own = hs[i], None if rgb is None else rgb[i]
            stands_in = Neutral.mean_inside(*own) if neutral is None else neutral
            rows.append(occlusion(Asked(model, *own, bands, stands_in, target), pieces))
        regions = torch.stack(rows).view(-1, side, side)
    tiles = None if weighed.tiles is None else weighed.tile_map()
    return Explanation(weighed.classes, weighed.probability, weighed.bands, tiles, regions)
