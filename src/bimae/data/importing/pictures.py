"""RGB images of any kind -> float32 in [0, 1]; and false colour where there is no RGB image."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bimae.data.cubes.cube import Bands
from bimae.data.marks import says_simulated, texts_of_picture
from bimae.data.scenes.colour import colour_bands
from bimae.errors import DataError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}
MOST_PIXELS = 178_000_000  # beyond this a picture is refused: 2.1 GB as float32


def is_picture(path: Path) -> bool:
    """Whether a file is an RGB (or grey) image: by its name, and a TIFF by its channels."""
    suffix = path.suffix.lower()
    if suffix not in (".tif", ".tiff"):
        return suffix in IMAGE_SUFFIXES
    try:
        import tifffile  # noqa: PLC0415 - slow to import, and rarely needed

        with tifffile.TiffFile(path) as file:
            shape = file.series[0].shape
    except Exception:  # a broken TIFF is some other reader's to tell
        return False
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))


def is_class_map(path: Path) -> bool:
    """Whether a picture can be a map of class numbers: one channel, or a palette."""
    try:
        with Image.open(path) as image:
            return image.mode in ("L", "P", "1") or image.mode.startswith("I")
    except Exception:  # whoever reads it says what is wrong with it
        return True


def is_marked(path: Path) -> bool:
    """Whether a picture says that no camera was involved; what cannot be read says nothing."""
    with suppress(Exception), _opened(path) as image:
        return says_simulated(texts_of_picture(image.info))
    return False


def is_grey(rgb: NDArray[Any]) -> bool:
    """Whether an RGB image [H, W, 3] has no colours: all three are the same in every pixel."""
    for step in (16, 1):  # a few pixels tell nearly every photo, and of a large one all take long
        some = rgb[::step, ::step]
        if not (some[:, :, 1:] == some[:, :, :1]).all():
            return False
    return True


def read_picture(path: Path) -> NDArray[np.float32]:
    """An RGB image [H, W, 3] in [0, 1], upright as the camera's orientation mark says.

    Grey images get three equal channels, 16 bits are kept, transparent pixels become white.

    Raises:
        DataError: The file is not there, no image, or too large.
    """
    return _scaled(_pixels(path), path)


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Like `read_picture`, in 8 bits [H, W, 3]: a quarter of the memory for a large photo."""
    pixels = _pixels(path)
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3:
        return pixels
    return np.rint(_scaled(pixels, path) * 255).astype(np.uint8)


def _pixels(path: Path) -> NDArray[Any]:
    """[H, W] or [H, W, channels], in whatever type the file has."""
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            with suppress(Exception):  # LZW and JPEG inside a TIFF are Pillow's, below
                import tifffile  # noqa: PLC0415 - slow to import, and rarely needed

                return np.asarray(tifffile.imread(path))
        with _opened(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_large(path, f"{image.width}x{image.height}")
            ImageOps.exif_transpose(image, in_place=True)
            upright: Image.Image = image
            if upright.mode.startswith(("I", "F")):  # 16 bits, one channel
                return np.asarray(upright).astype(np.float32) / np.float32(65535)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright)
            return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))
    except DataError:
        raise
    except Image.DecompressionBombError as error:  # twice Pillow's own limit, which is near ours
        raise _too_large(path, "over 178 million") from error
    except Exception as error:  # Pillow and tifffile raise many kinds, all meaning the same here
        raise DataError(
            f"{path}: cannot be read as an RGB image ({error or type(error).__name__}); save it "
            "again as PNG or JPEG"
        ) from error


def _opened(path: Path) -> Image.Image:
    """The header of an image; what is too large is for us to tell, in our own words."""
    with catch_warnings():
        simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path)


def _too_large(path: Path, pixels: str) -> DataError:
    return DataError(
        f"{path}: {pixels} pixels; at most {MOST_PIXELS // 1_000_000} million are read: save it "
        "smaller"
    )


def _scaled(values: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    if values.ndim != 3 or values.shape[2] < 3 or not values.size:
        raise DataError(
            f"{path}: an image of shape {list(values.shape)}; [height, width, 3] is expected"
        )
    values = values[:, :, :3]
    found: NDArray[np.float32] = values.astype(np.float32)
    if values.dtype in (np.uint8, np.uint16):
        return found / np.float32(np.iinfo(values.dtype).max)
    low, high = float(found.min()), float(found.max())
    if not (low >= 0.0 and high <= 1.0):
        raise DataError(
            f"{path}: values from {low:g} to {high:g}; an image of 8 or 16 bits, or of numbers in "
            "[0, 1], is expected"
        )
    return found


def false_colour_of(
    hs: NDArray[np.uint8] | NDArray[np.float32], bands: Bands, unit: str
) -> NDArray[np.float32]:
    """A picture of one seed's cube, comparable with those of other seeds where the unit allows.

    Reflectance and bytes are shown on a fixed scale, so that a dark seed stays dark; anything
    else is stretched between its own 1 % and 99 %.

    Args:
        hs: [h, w, C].
        bands: What its bands are.
        unit: `reflectance`, or anything else.

    Returns:
        [h, w, 3] float32 in [0, 1].
    """
    chosen = colour_bands(bands.count, bands.wavelengths_nm)
    picture = hs[:, :, list(chosen)].astype(np.float32)
    if hs.dtype == np.uint8:
        picture /= np.float32(255)
    elif unit != "reflectance":
        low, high = np.percentile(picture, (1, 99))
        picture = (picture - np.float32(low)) / np.float32(max(high - low, 1e-12))
    # The eye, and every screen, wants the square root rather than the reflectance itself.
    root: NDArray[np.float32] = np.sqrt(np.clip(picture, 0, 1)).astype(np.float32)
    return root
