"""Maps of a few samples in one call, for who has images and a model and nothing else.

Shapes: B batch, n channels (bands, or averages of bands), S side of a spectral image, H side of the
RGB image, T RGB tiles, G tiles and R regions along a side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.explain.expected import Between
from bimae.explain.occlusion import Asked, occlusion
from bimae.explain.pieces import band_pieces, region_pieces, usual_width
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
        band_falls: [B, n] likewise without a range of bands around each channel, which then lies on
            the line between the bands beside it. Where it is known which bands matter, these say
            it better than `bands` (docs/explain.md). None where no spectra were shown.
    """

    classes: Tensor
    probability: Tensor
    bands: Tensor | None
    tiles: Tensor | None
    regions: Tensor | None
    band_falls: Tensor | None = None


def explain_sample(
    model: SeedClassifier,
    hs: Tensor | None = None,
    rgb: Tensor | None = None,
    bands: Bands = None,
    *,
    classes: Tensor | None = None,
    by: By = "relevance",
    places: Sequence[float] | None = None,
) -> Explanation:
    """What carried the answers to some samples: a pass with gradients, some 50 without.

    Args:
        model: The classifier, in float32, ready to answer (`eval`).
        hs: [B, n, S, S] as `SeedClassifier.features` takes it.
        rgb: [B, 3, H, H] likewise.
        bands: [n] rows of the spectral positions, likewise.
        classes: [B] which class to explain; default: the likeliest of each sample.
        by: How bands and tiles are weighed, see `token_weights`.
        places: [n] where channels lie, in nm; default: evenly, in their order.

    Raises:
        ModelError: As the model's own pass.
    """
    weighed = token_weights(model, hs, rgb, bands, classes=classes, by=by)
    regions = falls = None
    if weighed.bands is not None and hs is not None:
        pieces = region_pieces(hs.shape[-1])
        side = round(len(pieces) ** 0.5)
        where = range(hs.shape[1]) if places is None else places
        ranges = band_pieces(where, usual_width(where))
        rows, lines = [], []
        for i, target in enumerate(weighed.classes.tolist()):
            own = hs[i], None if rgb is None else rgb[i]
            asked = Asked(model, *own, bands, target, stand_in=Between(where))
            rows.append(occlusion(asked, pieces))
            lines.append(occlusion(asked, ranges) @ ranges.cells.flatten(1).float())
        regions, falls = torch.stack(rows).view(-1, side, side), torch.stack(lines)
    tiles = None if weighed.tiles is None else weighed.tile_map()
    return Explanation(weighed.classes, weighed.probability, weighed.bands, tiles, regions, falls)
