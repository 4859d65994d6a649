"""Trays: one scan of many seeds -> single seeds, with the same seeds of an RGB photo."""

from bimae.data.trays.cut import Tray, read_tray
from bimae.data.trays.segment import Found, Segmentation, segment

__all__ = ["Found", "Segmentation", "Tray", "read_tray", "segment"]
