"""What the mean spectrum and the mean colour of an object say of its class by themselves.

Densities of what the network is shown, averaged over the pixels of an object: for each class
Gaussians around the objects of it that are known, one covariance for all. A Gaussian knows what any
part of it looks like, so the same numbers answer for every camera: of the bands and views that are
there, as if it had been made for these alone. It stands beside the network; their logits add up
(docs/discriminant.md).

Shapes: B batch, n channels that the classifier was made for, m of the camera that is looked
through, P pixels, T tiles, F features, K classes, N known objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bimae.errors import ModelError
from bimae.model.classifier_config import ClassifierConfig
from bimae.model.mean_layer import DiscriminantLayer

FEW, MANY = 5, 20  # bands that answers are weighed for
KINDS = ("rgb", "few", "many", "both")
COLOURS = 6  # mean and deviation of red, green and blue, as logarithms
MIDDLE = 0.5  # what a camera shows of a usual spectrum

Known = tuple[NDArray[np.float64], NDArray[np.int64]]  # features [N, F] and class numbers [N]


@dataclass(frozen=True)
class Camera:
    """A camera that a discriminant is turned to.

    Attributes:
        shows: [m, n] what it shows of what the classifier was made for shows.
        blank: [m] what it shows of padding.
        rows: [m] row of the spectral positions of each channel; None: their order.
        bands: How many bands it has: m, but where bands that lack are made up.
    """

    shows: NDArray[np.float64]
    blank: Tensor
    rows: tuple[int, ...] | None
    bands: int


class Seen(NamedTuple):
    """What is known of what a camera shows.

    Attributes:
        means: [K, F] of the classes.
        covariance: [F, F] within classes.
        known: Known objects, or None.
        blank: [m] what is shown of padding, or None without spectra.
    """

    means: NDArray[np.float64]
    covariance: NDArray[np.float64]
    known: Known | None
    blank: Tensor | None


class MeanDiscriminant(nn.Module):
    """The discriminant of a classifier, for any of the cameras that it answers for.

    Attributes:
        own: The classifier as it was made: its sensor, and how spectra are scaled.
        means: [K, F] of the classes, spectral features first, colours last.
        covariance: [F, F] within classes.
        prior: [K] logarithms of how likely each class is taken to be beforehand.
        objects: [N, F] features of known objects, or None: a class is one Gaussian at its mean.
        of: [N] their class numbers, or None likewise.
        blank: [n] what is shown of padding.
        shares: [2, 4] what the logits of the network (first row) and its own count: with RGB alone,
            with `FEW` bands alone, with `MANY`, and with both views. Between the two numbers of
            bands they lie on a line, by the logarithm.
    """

    means: Tensor
    covariance: Tensor
    prior: Tensor
    objects: Tensor | None
    of: Tensor | None
    blank: Tensor
    shares: Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        """Declares the numbers; all are zero, and so are its answers.

        Args:
            config: Of the classifier that it stands in.
        """
        super().__init__()
        self.own = config
        self.bands = shown_bands(config)
        size = self.bands + (0 if config.modality == "hs" else COLOURS)
        kinds = {
            "means": (len(config.classes), size),
            "covariance": (size, size),
            "prior": (len(config.classes),),
            "blank": (self.bands,),
            "shares": (2, len(KINDS)),
        }
        for name, shape in kinds.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        known = config.discriminant_objects
        self.register_buffer(
            "objects", torch.zeros(known, size, dtype=torch.float64) if known else None
        )
        self.register_buffer("of", torch.zeros(known, dtype=torch.long) if known else None)
        self.shares[0] = 1.0
        self._layers: dict[tuple[bool, bool, tuple[int, ...] | None], DiscriminantLayer] = {}
        self._camera: Camera | None = None

    def learn(
        self,
        means: NDArray[np.float64],
        covariance: NDArray[np.float64],
        prior: Sequence[float],
        known: Known | None = None,
    ) -> None:
        """Takes over what was measured; see the attributes."""
        measured = {"means": means, "covariance": covariance, "prior": prior}
        if known is not None:
            measured |= {"objects": known[0], "of": known[1]}
        for name, values in measured.items():
            own = getattr(self, name)
            own.copy_(torch.as_tensor(np.asarray(values)).view_as(own))
        self._layers.clear()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self.turn_back()

    def turn(self, camera: Camera) -> None:
        """Turns to another camera."""
        self._layers.clear()
        self._camera = camera

    def turn_back(self) -> None:
        """To the camera that the classifier was made for."""
        self._layers.clear()
        self._camera = None

    def forward(
        self,
        hs: Tensor | None = None,
        rgb: Tensor | None = None,
        bands: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor, float]:
        """Logits [B, K] as much as they count, and the averages that they are made of [B, F].

        The third is what the network's logits count.

        Args:
            hs: [B, m, P] spectral patches as the network is shown them, or None.
            rgb: [B, T, values] tiles in [0, 1] with red, green and blue beside each other, or None.
            bands: Rows of the spectral positions that `hs` shows, in ascending order, where these
                are not all of the camera's.

        Raises:
            ModelError: `hs` shows other bands than the camera has.
        """
        layer = self.layer(hs is not None, rgb is not None, self.places(hs, bands))
        there = hs if hs is not None else rgb
        assert there is not None, "the network was shown one of the views"
        logits, averages = layer.to(there.device)(hs, rgb)
        return logits, averages, layer.network

    @property
    def alone(self) -> bool:
        """Whether the network counts nothing, whatever is shown: it is not used."""
        return not bool(self.shares[0].any())

    def counts(
        self, hs: bool, rgb: bool, places: tuple[int, ...] | None = None
    ) -> tuple[float, float]:
        """What the logits of the network and its own count; arguments as of `layer`."""
        shares = self.shares.cpu().numpy()
        if rgb:
            kind = KINDS.index("both" if hs else "rgb")
            return float(shares[0, kind]), float(shares[1, kind])
        bands = self.bands if self._camera is None else self._camera.bands
        bands = bands if places is None else len(places)
        far = np.clip(np.log(max(bands, 1) / FEW) / np.log(MANY / FEW), 0, 1)
        few, many = (shares[:, KINDS.index(kind)] for kind in ("few", "many"))
        network, own = (1 - far) * few + far * many
        return float(network), float(own)

    def layer(
        self, hs: bool, rgb: bool, places: tuple[int, ...] | None = None
    ) -> "DiscriminantLayer":
        """The same for some views of the camera as one layer; made once, kept until it is turned.

        Args:
            hs: Whether spectra are there.
            rgb: Whether RGB is there.
            places: Which of the camera's channels are there; None: all.
        """
        key = hs, rgb, places
        if key not in self._layers:
            seen = self.seen(hs, rgb, places)
            self._layers[key] = DiscriminantLayer(
                seen.means,
                seen.covariance,
                self.prior.cpu().numpy(),
                known=seen.known,
                counts=self.counts(hs, rgb, places),
                blank=seen.blank,
                colours=rgb,
            )
        return self._layers[key]

    def seen(self, hs: bool, rgb: bool, places: tuple[int, ...] | None = None) -> "Seen":
        """What it knows of what is there; arguments as of `layer`."""
        means, covariance = (value.cpu().numpy() for value in (self.means, self.covariance))
        spectral, colours = np.eye(self.bands), np.eye(means.shape[1] - self.bands)
        blank = self.blank
        if self._camera is not None:
            spectral, blank = self._camera.shows, self._camera.blank
        if places is not None:
            spectral, blank = spectral[list(places)], blank[list(places)]
        looks = np.zeros((len(spectral) * hs + len(colours) * rgb, means.shape[1]))
        if hs:
            looks[: len(spectral), : self.bands] = spectral
        if rgb:
            looks[len(looks) - len(colours) :, self.bands :] = colours
        middle = np.where(np.arange(means.shape[1]) < self.bands, MIDDLE, 0.0)
        there = np.where(np.arange(len(looks)) < len(spectral) * hs, MIDDLE, 0.0)
        known = None
        if self.objects is not None and self.of is not None:
            objects = self.objects.cpu().numpy()
            known = (objects - middle) @ looks.T + there, self.of.cpu().numpy()
        return Seen(
            (means - middle) @ looks.T + there,
            looks @ covariance @ looks.T,
            known,
            blank if hs else None,
        )

    def places(
        self, hs: Tensor | None, bands: Tensor | Sequence[int] | None
    ) -> tuple[int, ...] | None:
        """Which of the camera's channels `hs` [B, m, ...] shows; None: all, or there are none.

        Args:
            hs: Spectral images or patches.
            bands: As of `forward`.

        Raises:
            ModelError: `hs` shows other bands than the camera has.
        """
        if hs is None:
            return None
        count = self.bands if self._camera is None else len(self._camera.shows)
        if hs.shape[1] == count:
            return None
        rows = None if self._camera is None else self._camera.rows
        if rows is None:
            rows = self.own.bands if self.own.among is None else tuple(range(self.bands))
        asked = bands.tolist() if isinstance(bands, Tensor) else list(bands or ())
        if len(asked) != hs.shape[1] or not set(asked) <= set(rows):
            raise ModelError(
                f"hs shows {hs.shape[1]} bands, and this classifier is turned to a camera of "
                f"{count}; say which bands these are, or turn it to the camera (bimae.evaluate)"
            )
        return tuple(rows.index(row) for row in asked)


def shown_bands(config: ClassifierConfig) -> int:
    """How many channels the network of a classifier is shown."""
    if config.modality == "rgb":
        return 0
    return len(config.bands) if config.among is None else config.model.bands
