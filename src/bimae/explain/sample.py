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
from bimae.explain.pieces import Pieces, band_pieces, region_pieces, tile_pieces, usual_width
from bimae.explain.weights import By, token_weights
from bimae.model import SeedClassifier
from bimae.model.trunk import Bands


@dataclass(frozen=True)
class Explanation:
    """What carried the answers to B samples.

    Attributes:
        classes: [B] number of the class that is explained.
        probability: [B] of that class, as the model says it: not calibrated.
        bands: [B, n] what each channel weighed, 0 or more; None where no spectra were shown, and
            where a discriminant answers alone: there is no attention of a network that is not run.
        tiles: [B, G, G] what each RGB tile weighed, 0 or more, where it lies in the image; with
            `bands` these sum to 1. None where no RGB image was shown, and likewise.
        regions: [B, R, R] fall of the log-odds of the class without a region of the spectral
            image: above 0 where it spoke for the class, below where against it. None where no
            spectra were shown.
        band_falls: [B, n] likewise without a range of bands around each channel, which then lies on
            the line between the bands beside it. Where it is known which bands matter, these say
            it better than `bands` (docs/explain.md). None where no spectra were shown.
        tile_falls: [B, G, G] likewise without some tiles around each, which become the mean colour
            of the image; in the place of `tiles`, so None where these are there or no RGB image is.
    """

    classes: Tensor
    probability: Tensor
    bands: Tensor | None
    tiles: Tensor | None
    regions: Tensor | None
    band_falls: Tensor | None = None
    tile_falls: Tensor | None = None


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

    Where a discriminant answers alone, no gradients and some 50 passes more: those are quick.

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
    looks = model.config.modality
    hs, rgb = hs if looks != "rgb" else None, rgb if looks != "hs" else None
    weighed = None
    if model.network_counts(hs, rgb, bands) != 0:
        weighed = token_weights(model, hs, rgb, bands, classes=classes, by=by)
        classes, said = weighed.classes, weighed.probability
    else:
        odds = model(hs, rgb, bands).softmax(dim=1)
        classes = odds.argmax(dim=1) if classes is None else classes
        said = odds.gather(1, classes[:, None])[:, 0]
    where = range(0 if hs is None else hs.shape[1]) if places is None else places
    asked = [
        Asked(
            model, None if hs is None else hs[i], None if rgb is None else rgb[i], bands, target,
            stand_in=Between(where),
        )
        for i, target in enumerate(classes.tolist())
    ]  # fmt: skip
    regions = band_falls = tile_falls = None
    if hs is not None:
        regions = _squared(asked, region_pieces(hs.shape[-1]))
        ranges = band_pieces(where, usual_width(where))
        inside = ranges.cells.flatten(1).float()
        band_falls = torch.stack([occlusion(one, ranges) @ inside for one in asked])
    if weighed is None and rgb is not None:
        sizes = model.config.model
        tile_falls = _squared(asked, tile_pieces(sizes.rgb_size, sizes.grid))
    return Explanation(
        classes, said, None if weighed is None else weighed.bands,
        None if weighed is None or weighed.tiles is None else weighed.tile_map(),
        regions, band_falls, tile_falls,
    )  # fmt: skip


def _squared(asked: Sequence[Asked], pieces: Pieces) -> Tensor:
    """[B, R, R] falls of log-odds without pieces of a square."""
    side = round(len(pieces) ** 0.5)
    return torch.stack([occlusion(one, pieces) for one in asked]).view(-1, side, side)
