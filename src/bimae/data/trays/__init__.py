"""Trays: one scan of many seeds -> single seeds, with the same seeds of an RGB photo."""

from bimae.data.trays.cut import Tray
from bimae.data.trays.finding import (
    Look,
    PhotoLook,
    look_at,
    look_at_alone,
    look_at_photo,
    read_tray,
)
from bimae.data.trays.segment import Found, Segmentation, segment

__all__ = [
    "Found",
    "Look",
    "PhotoLook",
    "Segmentation",
    "Tray",
    "look_at",
    "look_at_alone",
    "look_at_photo",
    "read_tray",
    "segment",
]
