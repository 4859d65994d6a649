"""A sample and what carried its answer, as a page can show them: small pictures and lists."""

from typing import Any

import numpy as np
from torch import Tensor

from bimae.evaluate.looks import Looks
from bimae.explain import Explanation
from bimae.report.inspect.measure import mean_spectra
from bimae.report.inspect.pictures import (
    Stretch,
    false_colour,
    false_colour_picture,
    rgb_picture,
)
from bimae.serve.answering import places_of
from bimae.serve.spectra import Spectra
from bimae.serve.upload import Upload

DIGITS = 5  # significant ones of what is drawn


def shown(upload: Upload) -> dict[str, Any]:
    """Pictures of both views at the model's sizes, and the mean spectrum; None for what lacks."""
    return {
        "rgb": None if upload.rgb is None else rgb_picture(upload.rgb),
        **(_NOTHING if upload.spectra is None else _spectral(upload.spectra)),
    }


_NOTHING = {"false_colour": None, "false_colour_words": None, "spectrum": None}


def _spectral(spectra: Spectra) -> dict[str, Any]:
    hs, bands = spectra.hs, spectra.bands
    colours = false_colour(bands.count, bands.wavelengths_nm)
    three = np.asarray(hs[..., list(colours.bands)], np.float32)
    padding = ~(hs != 0).any(axis=2)
    picture = false_colour_picture(three, Stretch.of(three[~padding].astype(np.float64)), padding)
    mean = mean_spectra(hs)["middle"]
    return {
        "false_colour": picture,
        "false_colour_words": colours.words,
        "spectrum": None
        if np.isnan(mean).any()
        else {
            "nm": None if bands.wavelengths_nm is None else list(bands.wavelengths_nm),
            "mean": _plain(mean),
            "unit": spectra.unit or None,
        },
    }


def carried(found: Explanation, looks: Looks, upload: Upload, classes: tuple[str, ...]) -> Any:
    """What carried an answer (`explain_sample` of one sample)."""
    bands = None
    if found.band_falls is not None:
        places = places_of(looks, upload)
        numbers = looks.reading.bands or range(found.band_falls.shape[1])
        bands = {
            "places": list(map(float, numbers)) if places is None else places,
            "nm": places is not None,
            "weights": _listed(found.bands),
            "falls": _listed(found.band_falls),
        }
    return {
        "class": classes[int(found.classes[0])],
        "tiles": _listed(found.tiles),
        "tile_falls": _listed(found.tile_falls),
        "regions": _listed(found.regions),
        "bands": bands,
    }


def _listed(maps: Tensor | None) -> Any:
    """The map of the only sample as lists; None where there is none."""
    return None if maps is None else _plain(maps[0].numpy(force=True))


def _plain(values: Any) -> Any:
    """An array as lists, in the digits that matter."""
    if values.ndim > 1:
        return [_plain(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
