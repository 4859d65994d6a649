"""What an exported file says of itself: JSON among its metadata, under the key `bimae`. No torch.

Shapes: n channels, C bands of the sensor that the model learned from, K classes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any, Literal

from bimae.data.colours import RgbPixels
from bimae.errors import ModelError
from bimae.spectra import BandWeights

KEY = "bimae"
FORMAT = 1
LATER = {"rgb": "", "photo_side": None, "seed_areas": None}
"""What files of this format did not say at first, and what that means."""
Modality = Literal["bimodal", "hs", "rgb"]
Pixels = Literal["uint8", "uint16", "float32"]


@dataclass(frozen=True)
class Spectra:
    """The input `hs` [N, S, S, n]: channels of a sensor, in this order.

    Attributes:
        pixels: Type of the numbers.
        unit: What they are, such as `reflectance`: as where the model learned; may be empty.
        picks: [n] of which bands of the model's own sensor each channel is the weighted average;
            one band of weight 1 for a channel that is no filter.
        nm: [n] centre of each channel in nm, or None where unknown.
        width_nm: [n] full width at half maximum of each in nm, or None where unknown.
        source_bands: Bands C of the model's own sensor.
        source_nm: [C] their centres in nm, or None where unknown.
    """

    pixels: Pixels
    unit: str
    picks: tuple[BandWeights, ...]
    nm: tuple[float, ...] | None
    width_nm: tuple[float, ...] | None
    source_bands: int
    source_nm: tuple[float, ...] | None


@dataclass(frozen=True)
class Judging:
    """The calibration that is inside; figures only, nothing here decides an answer.

    Attributes:
        alpha: Share of new samples whose set may miss the truth.
        per_class: Whether that holds for each class.
        temperature: That logits are divided by.
        thresholds: [K] least probability of a class in a set.
        score: What strangeness is measured by.
        reject: From where on a sample is rejected; infinite where nothing is.
        reject_share: Share of known samples that may be rejected.
        samples: Calibration samples.
        data: What they were samples of.
        digest: 16 hexadecimal digits that stand for all of the calibration.
        lapse: Share of answers that may be anything.
    """

    alpha: float
    per_class: bool
    temperature: float
    thresholds: tuple[float, ...]
    score: str
    reject: float
    reject_share: float
    samples: int
    data: str
    digest: str
    lapse: float = 0.0


@dataclass(frozen=True)
class Nameplate:
    """What a file is, and what goes in and comes out.

    Attributes:
        bimae: Version that made it.
        model: 16 hexadecimal digits that stand for the model's sizes and weights.
        learned_from: Name of the data that the model learned from.
        simulated: Whether these were simulated.
        classes: [K] class names, in the order of the probabilities.
        modality: Which views go in.
        bands: The sensor as it was asked for; `auto`: the model's own.
        shown: The same, for people.
        scale: How spectra are scaled, inside.
        hs_size: Side S of the spectral images in pixels.
        rgb_size: Side H of the RGB image in pixels.
        hs: The input `hs`; None where no spectra go in.
        rgb_pixels: Type of the input `rgb` [N, H, H, 3]: bytes, or float32 in [0, 1]; None where
            no RGB image goes in.
        judging: The calibration; None: probabilities are all that comes out.
        precision: Of the products inside.
        seed_side: Square that seeds of trays were cut with, in pixels of the scan; None: unknown.
        photo_side: The same in pixels of the photo.
        seed_areas: How large these seeds were, as `DatasetInfo` has it; None: unknown.
        rgb: What the RGB images were that the model learned from, as `DatasetInfo` has it; empty
            where unknown, or where none go in.
    """

    bimae: str
    model: str
    learned_from: str
    simulated: bool
    classes: tuple[str, ...]
    modality: Modality
    bands: str
    shown: str
    scale: str
    hs_size: int
    rgb_size: int
    hs: Spectra | None
    rgb_pixels: RgbPixels | None
    judging: Judging | None
    precision: Literal["fp32", "int8"] = "fp32"
    seed_side: int | None = None
    photo_side: int | None = None
    seed_areas: tuple[int, int, int] | None = None
    rgb: str = ""

    @property
    def inputs(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape of one sample and type of each input, by name."""
        found: dict[str, tuple[tuple[int, ...], str]] = {}
        if self.hs is not None:
            found["hs"] = ((self.hs_size, self.hs_size, len(self.hs.picks)), self.hs.pixels)
        if self.rgb_pixels is not None:
            found["rgb"] = ((self.rgb_size, self.rgb_size, 3), self.rgb_pixels)
        return found

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what comes out, in order."""
        calibrated = ("set", "strangeness", "rejected")
        return ("probabilities", *(calibrated if self.judging is not None else ()))

    def to_json(self) -> str:
        """As text."""
        plain = {"format": FORMAT, **asdict(self)}
        if self.judging is not None and self.judging.reject == inf:  # JSON has no infinity
            plain["judging"]["reject"] = None
        return json.dumps(plain, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> "Nameplate":
        """What `to_json` gave.

        Args:
            text: It.
            where: The file, for the message.

        Raises:
            ModelError: Of a later version, or damaged.
        """
        try:
            found = json.loads(text)
            if (kind := found.pop("format")) != FORMAT:
                raise ModelError(
                    f"{where}: has format {kind!r}, this version of bimae reads {FORMAT}; use the "
                    f"version that made it ({found.get('bimae')}), or export the model again"
                )
            found = LATER | found
            found.pop("photos", None)  # said for a while what photo_side says
            if found["hs"] is not None:
                found["hs"] = Spectra(**_given(Spectra, found["hs"]))
            if (judging := found["judging"]) is not None:
                judging["reject"] = inf if judging["reject"] is None else judging["reject"]
                found["judging"] = Judging(**_given(Judging, judging))
            return cls(**_given(cls, found))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{where}: what it says of itself is damaged ({error!r}); export the model again"
            ) from error


def _given(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values by the names of a dataclass's fields; lists become tuples."""
    known = {field.name for field in fields(kind)}
    if values.keys() != known:
        raise ValueError(f"fields {sorted(values.keys() ^ known)} are missing or unknown")
    return {name: _tuples(value) for name, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
