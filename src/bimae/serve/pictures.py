"""A picture from a stranger -> RGB at a model's size; looked at before it is decoded."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bimae.data.importing.pictures import read_picture
from bimae.data.resize import bring_rgb_to_size
from bimae.errors import DataError
from bimae.serve.limits import Limits, Refused

FORMATS = ("PNG", "JPEG", "TIFF")
_MARKS = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_STILL = "MPO"  # a JPEG with a second picture for depth: phones write it; the first is the picture


def looks_like_picture(start: bytes) -> bool:
    """Whether a file begins as one of the formats does."""
    return start.startswith(_MARKS)


def rgb_of_file(path: Path, size: int, limits: Limits) -> NDArray[np.float32]:
    """A picture as `bimae data import` reads it.

    Args:
        path: The file; may be renamed.
        size: Side of the result in pixels.
        limits: Of the server.

    Returns:
        [size, size, 3] in [0, 1].

    Raises:
        Refused: It is too large (413), of another format (415), animated, or damaged (422).
    """
    kept = _checked(path, limits)
    try:
        rgb = read_picture(kept)
    except DataError as error:
        told = str(error).replace(f"{kept}: ", "")
        raise Refused(422, f"rgb: {told}") from error
    return bring_rgb_to_size(rgb, size)


def rgb_of_array(values: NDArray[Any], size: int, limits: Limits) -> NDArray[np.float32]:
    """A picture that was sent as numbers [H, W, 3]: of 8 or 16 bits, or in [0, 1].

    Returns:
        [size, size, 3] in [0, 1].

    Raises:
        Refused: It is too large (413), or no such picture (422).
    """
    if values.ndim != 3 or values.shape[2] != 3:
        raise Refused(
            422, f"rgb: found an array of shape {list(values.shape)}, expected [height, width, 3]"
        )
    _check_pixels(values.shape[1], values.shape[0], limits)
    if values.dtype in (np.uint8, np.uint16):
        rgb = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    else:
        rgb = values.astype(np.float32)
        low, high = float(rgb.min()), float(rgb.max())
        if not (low >= 0.0 and high <= 1.0):  # NaN is not
            raise Refused(
                422,
                f"rgb: found {values.dtype} from {low:g} to {high:g}, expected numbers in [0, 1], "
                "or uint8, or uint16",
            )
    return bring_rgb_to_size(rgb, size)


def _checked(path: Path, limits: Limits) -> Path:
    """Refuses what must not be decoded; the path under a name by which it is decoded well."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            kind, frames = image.format, getattr(image, "n_frames", 1)
    except UnidentifiedImageError as error:
        raise Refused(
            415, f"rgb: found no {', '.join(FORMATS)} picture; save it as one of these"
        ) from error
    except Image.DecompressionBombError as error:
        raise Refused(
            413, f"rgb: found a picture of too many pixels, at most {limits.side} a side are read"
        ) from error
    except Exception as error:  # Pillow raises many kinds for damaged files
        told = " ".join(str(error).split())[:100] or type(error).__name__
        raise Refused(422, f"rgb: cannot be read as a picture ({told}); save it again") from error
    _check_pixels(width, height, limits)
    if frames > 1 and kind != _STILL:
        raise Refused(422, f"rgb: found a picture of {frames} frames, expected one: save it alone")
    # Not .tif: nobody but Pillow is to read a TIFF here. It knows how much a strip may hold, and
    # follows no description that names other sizes, or other files. 16 bits become 8.
    return path.rename(path.with_name(f"{path.name}.picture"))


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if max(width, height) > limits.side:
        raise Refused(
            413,
            f"rgb: found {width} x {height} pixels, at most {limits.side} a side are read; cut the "
            "object (the seed) out, or save it smaller",
        )
