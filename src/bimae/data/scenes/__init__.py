"""A scene and its labels or boxes -> samples: windows, false colour, splits that cannot leak.

A scene is one large image; its samples are small squares of it. Around labelled pixels
(`labelled_windows`), around objects (`box_samples`), or anywhere, without labels (`grid_windows`).
"""

from bimae.data.scenes.blocks import SPLITS, SpatialSplit, spatial_blocks
from bimae.data.scenes.boxes import Box, box_samples, window_around
from bimae.data.scenes.colour import RGB_NM, colour_bands, false_colour, resample_rgb
from bimae.data.scenes.scene import Place, Scene
from bimae.data.scenes.table import BoxRow, read_boxes, unique_ids
from bimae.data.scenes.views import cut_views, cut_window
from bimae.data.scenes.windows import LabelledWindows, grid_windows, labelled_windows

__all__ = [
    "RGB_NM",
    "SPLITS",
    "Box",
    "BoxRow",
    "LabelledWindows",
    "Place",
    "Scene",
    "SpatialSplit",
    "box_samples",
    "colour_bands",
    "cut_views",
    "cut_window",
    "false_colour",
    "grid_windows",
    "labelled_windows",
    "read_boxes",
    "resample_rgb",
    "spatial_blocks",
    "unique_ids",
    "window_around",
]
