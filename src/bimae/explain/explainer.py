"""All maps of a sample, by every method; and what it takes to make them.

Shapes: n channels, S side of a spectral image, H side of the RGB image, C cells, K classes.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.explain.expected import StandIn
from bimae.explain.occlusion import Asked, occlusion
from bimae.explain.pieces import Kind, Pieces, band_pieces, region_pieces, tile_pieces
from bimae.explain.weights import token_weights
from bimae.model import SeedClassifier
from bimae.model.initialise import initialise

Method = Literal["occlusion", "relevance", "rollout"]
METHODS: tuple[Method, ...] = ("occlusion", "relevance", "rollout")
Key = tuple[Kind, Method]
Maps = dict[Key, NDArray[np.float64]]


@dataclass(frozen=True)
class Explainer:
    """A model that is asked why.

    Attributes:
        model: The classifier, ready to answer (`eval`).
        rows: [n] rows of the spectral positions; None: as the model says.
        pieces: What samples are cut into: of each view that is shown.
        stand_in: What bands that are taken out become; None where no spectra are shown.
        mean_rgb: [3, H, H] what tiles that are taken out become; None: their own image's mean.
        batch_size: Variants of a sample at a time.
    """

    model: SeedClassifier
    rows: Tensor | None
    pieces: tuple[Pieces, ...]
    stand_in: StandIn | None
    mean_rgb: Tensor | None = None
    batch_size: int = 64

    @classmethod
    def of(
        cls,
        model: SeedClassifier,
        rows: Tensor | None,
        *,
        places: Sequence[float] | None,
        width: float,
        stand_in: StandIn | None,
        mean_rgb: Tensor | None = None,
        rgb: bool,
        batch_size: int = 64,
    ) -> "Explainer":
        """Cuts the views that are shown.

        Args:
            model: The classifier.
            rows: As the attribute.
            places: [n] where channels lie: nm, or numbers of bands; None: no spectra are shown.
            width: Of a window over channels, in the unit of `places`.
            stand_in: As the attribute.
            mean_rgb: As the attribute.
            rgb: Whether RGB images are shown.
            batch_size: As the attribute.
        """
        sizes = model.config.model
        pieces = []
        if places is not None:
            pieces += [band_pieces(places, width), region_pieces(sizes.hs_size)]
        if rgb:
            pieces.append(tile_pieces(sizes.rgb_size, sizes.grid))
        return cls(model, rows, tuple(pieces), stand_in, mean_rgb, batch_size)

    def asked(
        self, hs: Tensor | None, rgb: Tensor | None, target: int, against: int | None = None
    ) -> Asked:
        """A sample, [n, S, S] and [3, H, H], and a class to explain."""
        return Asked(
            self.model, hs, rgb, self.rows, target, against, self.stand_in, self.mean_rgb,
            self.batch_size,
        )  # fmt: skip

    def maps(self, asked: Asked) -> Maps:
        """[C] by each method that has something to say of a kind of piece.

        Occlusion: fall of the log-odds, above and below 0. The others: 0 or more, of all tokens
        together 1. Attention tells nothing of regions: a token is a whole image of a band; and
        nothing at all of a network that does not count beside a discriminant.
        """
        found: Maps = {}
        for pieces in self.pieces:
            found[pieces.kind, "occlusion"] = occlusion(asked, pieces).double().numpy()
        views = (None if view is None else view[None] for view in (asked.hs, asked.rgb))
        hs, rgb = views
        if self.model.network_counts(hs, rgb, self.rows) == 0:
            return found
        device = next(self.model.parameters()).device
        target = torch.tensor([asked.target], device=device)
        against = None if asked.against is None else torch.tensor([asked.against], device=device)
        for by in ("relevance", "rollout"):
            weighed = token_weights(
                self.model, hs, rgb, self.rows, classes=target, against=against, by=by
            )
            for pieces in self.pieces:
                own = {"bands": weighed.bands, "tiles": weighed.tiles}.get(pieces.kind)
                if own is not None:
                    cells = pieces.of_channels(own[0].cpu())
                    found[pieces.kind, by] = cells.double().numpy()
        return found

    def at_random(self, seed: int = 0) -> "Explainer":
        """The same with a model that learned nothing: every weight is drawn anew."""
        model = deepcopy(self.model).cpu()
        initialise(model, model.config.model, torch.Generator().manual_seed(seed))
        model.discriminant = None
        return replace(self, model=model.to(next(self.model.parameters()).device))
