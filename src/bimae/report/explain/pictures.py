"""Maps over images, as pixels and as data URIs.

Shapes: C cells, H and W sides of a picture.
"""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 192  # pixels of a picture, unless the image is larger
FOR, AGAINST = (236, 112, 20), (38, 103, 196)  # told apart with any kind of colour vision
STRONGEST = 0.78  # of the picture that the strongest cell covers
FADED = 0.55  # of its colours that an image below a map keeps


def on_image(rgb: NDArray[np.uint8], cells: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A map over an image: orange where it spoke for the class, blue where against.

    The strongest cell is as strong in every picture: how much it is worth, numbers say.

    Args:
        rgb: [H, W, 3] the image.
        cells: [C] of a square grid, row by row.

    Returns:
        [H', W', 3], at least `SIDE` high and wide.
    """
    side = round(len(cells) ** 0.5)
    height, width = (max(SIDE, edge) for edge in rgb.shape[:2])
    how = Image.Resampling.NEAREST if rgb.shape[0] < SIDE // 2 else Image.Resampling.BICUBIC
    below = np.asarray(Image.fromarray(rgb, "RGB").resize((width, height), how), np.float64)
    grey = below @ (0.3, 0.59, 0.11)
    below = grey[..., None] * (1 - FADED) + below * FADED
    top = np.abs(cells).max() or 1.0
    grid = Image.fromarray((cells / top).reshape(side, side).astype(np.float32), "F")
    share = np.asarray(grid.resize((width, height), Image.Resampling.BILINEAR), np.float64)
    cover = (np.abs(share) ** 0.8 * STRONGEST)[..., None]
    colour = np.where(share[..., None] > 0, np.array(FOR), np.array(AGAINST))
    mixed: NDArray[np.uint8] = np.rint(below * (1 - cover) + colour * cover).astype(np.uint8)
    return mixed


def data_uri(picture: NDArray[np.uint8]) -> str:
    """A picture [H, W, 3] as something that a page can hold."""
    file = BytesIO()
    # Colours of a map change slowly, so a quarter of them is enough (subsampling 2); no eye tells.
    Image.fromarray(picture, "RGB").save(file, "JPEG", quality=80, optimize=True, subsampling=2)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
