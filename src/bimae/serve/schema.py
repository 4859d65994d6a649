"""What requests and answers look like, for people and for programs that read /openapi.json."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bimae.serve.receive import BARE, FORM


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="One sentence: what was found, what was expected, what to do.")


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    fingerprint: str = Field(description="12 hexadecimal digits of the SHA-256 of its weights.")


class Spectrum(BaseModel):
    """The mean spectrum of the middle of the cube, without padding."""

    nm: list[float] | None = Field(description="Band centres; null where unknown.")
    mean: list[float]
    unit: str | None


class Shown(BaseModel):
    """The sample at the model's sizes; null for a view that is not there."""

    rgb: str | None = Field(description="Picture as a data URL.")
    false_colour: str | None = Field(description="Picture as a data URL.")
    false_colour_words: str | None = Field(description="Which bands are red, green and blue.")
    spectrum: Spectrum | None


class BandWeights(BaseModel):
    """What each channel weighed, and what the class loses without it."""

    places: list[float] = Field(description="Where each lies: in nm, or its number.")
    nm: bool = Field(description="Whether places are in nm.")
    weights: list[float] | None = Field(
        description="Attention of the network: 0 or more; with the tiles they sum to 1. Null where "
        "a discriminant answers alone, since no network is run."
    )
    falls: list[float] = Field(
        description="Fall of the class's log-odds without a range of bands around each: above 0 "
        "where it spoke for the class. Tells which bands matter better than the weights do."
    )


class Carried(BaseModel):
    """What carried the answer; a picture of the model, no proof."""

    model_config = ConfigDict(populate_by_name=True)
    class_: str = Field(alias="class", description="The class that is explained: the likeliest.")
    tiles: list[list[float]] | None = Field(
        description="What each tile of the RGB image weighed in the network's attention, where it "
        "lies, 0 or more; null where a discriminant answers alone."
    )
    tile_falls: list[list[float]] | None = Field(
        description="In its place where a discriminant answers alone: fall of the class's log-odds "
        "without the tiles there; above 0 where they spoke for the class. Else null."
    )
    regions: list[list[float]] | None = Field(
        description="Fall of the class's log-odds without a region of the cube: above 0 where it "
        "spoke for the class, below 0 where against it."
    )
    bands: BandWeights | None


class Answer(BaseModel):
    """What the model says of one sample."""

    model_config = ConfigDict(populate_by_name=True)
    class_: str = Field(alias="class", description="The likeliest class; of a rejected sample too.")
    probability: float = Field(ge=0, le=1, description="Of that class.")
    probabilities: dict[str, float] = Field(description="Of every class.")
    calibrated: bool = Field(
        description="Whether probabilities are calibrated; else they are the model's own."
    )
    set_: list[str] | None = Field(
        alias="set",
        description="Classes that hold the true one as often as the calibration says, the "
        "likeliest first; null where not calibrated.",
    )
    rejected: bool | None = Field(
        description="Whether the sample is like nothing learned, and so most likely of none of the "
        "classes; null where not calibrated."
    )
    strangeness: float | None = Field(description="What that is decided by: higher is stranger.")
    views: str = Field(description="What the model was shown.")
    model: ModelName
    seconds: float = Field(description="From the first byte of the request to the answer.")
    notes: list[str] = Field(description="What was assumed or mended, and what to know.")
    shown: Shown | None = Field(description="Where ?show=true asks for it.")
    carried: Carried | None = Field(description="Where ?explain=true asks for it.")


class CalibrationFacts(BaseModel):
    """A calibration in words."""

    shown: str
    told: str


class ModelFacts(BaseModel):
    """What is known of the model."""

    model_config = ConfigDict(protected_namespaces=())
    name: str
    fingerprint: str
    classes: list[str]
    views: list[str] = Field(description="What it looks at: rgb, hs or both.")
    all_views_needed: bool = Field(description="False for a model of any sensor.")
    any_sensor: bool
    bands: int = Field(description="Of the sensor that it learned from.")
    bands_read: int = Field(description="How many of them it reads.")
    wavelengths_nm: list[float] | None
    hs_size: int = Field(description="Side in pixels that cubes are brought to.")
    rgb_size: int = Field(description="Side in pixels that RGB images are brought to.")
    scale: str
    unit: str | None = Field(description="Of the spectra that it learned from.")
    simulated: bool = Field(description="Whether it learned from simulated seeds.")
    calibration: list[CalibrationFacts]
    tested: dict[str, Any] | None = Field(description="Accuracy, macro-F1 and figures by class.")
    made: str | None
    versions: dict[str, str]
    version: str = Field(description="Of bimae, which serves it.")
    limits: dict[str, float] = Field(description="Of this server.")


class Health(BaseModel):
    """That the server answers."""

    status: str
    waiting: int = Field(description="Requests that are being answered.")
    answered: int = Field(description="Samples since the start.")
    batches: int = Field(description="In which they were computed.")


_BINARY = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "properties": {
                        "rgb": {**_BINARY, "description": "PNG, JPEG or TIFF picture; or .npz."},
                        "hs": {
                            "type": "array",
                            "minItems": 1,
                            "items": _BINARY,
                            "description": ".npy [height, width, bands], .npz with an array `hs`, "
                            "a ZIP archive with an ENVI image (and its references), or its header "
                            "and data as two parts of this name.",
                        },
                        "sample": {**_BINARY, "description": ".npz with the arrays rgb and hs."},
                        "wavelengths": {
                            "type": "string",
                            "description": "Band centres in nm: 450,550,650 or 400-1000nm.",
                        },
                    },
                }
            },
            **{kind: {"schema": _BINARY} for kind in BARE},
        },
    }
}
_WHY = {
    403: "The request comes from a page of another site.",
    408: "The body came too slowly.",
    413: "Too large: the body, an archive, a picture, a cube.",
    415: "A type of body or file that is not read.",
    421: "The Host header names another host.",
    422: "Damaged, not what it should be, or a view is missing.",
    500: "A mistake of the server.",
    503: "Too much at a time; see Retry-After.",
    504: "Not computed in time.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How refusals are documented."""
    return {one: {"model": Problem, "description": _WHY[one]} for one in statuses}
