"""What a report of explanations is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.evaluate.asked import AVERAGED
from bimae.explain.explainer import Explainer, Key
from bimae.explain.many import Explained
from bimae.explain.pieces import Kind, Pieces
from bimae.explain.trust import Trust, trust

SIMULATED = "SIMULATED DATA"


@dataclass(frozen=True)
class Facts:
    """All that a report is made of.

    Attributes:
        samples: The data.
        explained: What carried the answers to some of them.
        explainer: Who was asked, and how.
        classes: Of the model.
        places: [n] where channels lie: nm, or numbers of bands; None: no spectra were shown.
        in_nm: Whether that is nm.
        width: Of a window over channels, in the same unit.
        against: What the class was held against, in words.
        shown: The views and bands that the model was shown, in words.
        model: What the model is called.
        fingerprint: First 12 hexadecimal digits of the SHA-256 of its weights.
        about: What its folder tells (`report.card`).
        notes: What else a person should know.
    """

    samples: SeedDataset
    explained: Sequence[Explained]
    explainer: Explainer
    classes: tuple[str, ...]
    places: tuple[float, ...] | None
    in_nm: bool
    width: float
    against: str
    shown: str
    model: str
    fingerprint: str
    about: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @cached_property
    def trust(self) -> dict[Key, Trust]:
        """How far each kind of map is to be believed."""
        return trust(self.explained)

    @property
    def name(self) -> str:
        """What the data are called."""
        return self.samples.info.name or self.samples.root.resolve().name

    @property
    def simulated(self) -> tuple[str, ...]:
        """What no camera was involved in."""
        learned = self.about.get("data", {}).get("simulated", False)
        pairs = (
            ("these images", self.samples.info.simulated),
            ("the images that the model learned from", learned),
        )
        return tuple(name for name, is_so in pairs if is_so)

    @cached_property
    def attention(self) -> bool:
        """Whether there are maps of attention: none where a discriminant answers alone."""
        return any(method != "occlusion" for one in self.explained for _, method in one.maps)

    @property
    def answers(self) -> str:
        """Who answers, in words."""
        if self.explainer.model.discriminant is None:
            return "the network"
        if self.attention:
            return "the network and the discriminant beside it"
        spectra, rgb = self.places is not None, self.pieces("tiles") is not None
        seen = AVERAGED["bimodal" if spectra and rgb else "hs" if spectra else "rgb"]
        return f"a discriminant analysis of {seen}; no network is run"

    @property
    def unit(self) -> str:
        """Of `places`."""
        return "nm" if self.in_nm else "band"

    def pieces(self, kind: Kind) -> Pieces | None:
        """Pieces of a kind; None where that view is not shown."""
        return next((one for one in self.explainer.pieces if one.kind == kind), None)

    def band_values(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of cells [C] of bands to those of channels [n], in order of wavelength."""
        pieces = self.pieces("bands")
        assert pieces is not None and self.places is not None, "spectra are shown"
        inside = pieces.cells.flatten(1).numpy()
        values = cells @ inside
        return np.asarray(values[self.order], np.float64)

    @cached_property
    def order(self) -> list[int]:
        """Channels in order of wavelength."""
        assert self.places is not None, "spectra are shown"
        places = self.places
        return sorted(range(len(places)), key=lambda i: places[i])

    @cached_property
    def x(self) -> list[float]:
        """Where channels lie, ascending."""
        assert self.places is not None, "spectra are shown"
        return [self.places[i] for i in self.order]

    def by_class(self) -> dict[int, list[Explained]]:
        """What was explained, by the class that it was called."""
        found: dict[int, list[Explained]] = {}
        for one in self.explained:
            found.setdefault(one.target, []).append(one)
        return dict(sorted(found.items()))
