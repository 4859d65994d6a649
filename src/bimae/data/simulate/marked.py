"""Simulated pictures that say so themselves, however they are copied."""

from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bimae.data.marks import PICTURE


def save_marked(image: Image.Image, path: Path, **options: Any) -> None:
    """Saves a picture as PNG or JPEG with a comment that no camera was involved."""
    told = PngInfo()
    told.add_text("Comment", PICTURE)
    mark = {"comment": PICTURE} if path.suffix == ".jpg" else {"pnginfo": told}
    image.save(path, **mark, **options)
