"""The picture by which a person checks what was found: every seed outlined and numbered."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from bimae.data.trays.segment import Found

View = tuple[NDArray[np.uint8], NDArray[np.int32], Mapping[int, Found]]
"""A picture, the labels (of any size that is a multiple of it), and what each label is."""

HEIGHT = 1000  # of the drawing, where the views allow it; small scans are enlarged
MOST_WIDE = 3000
WHOLE = (0, 158, 115)  # green and orange that also the colour-blind tell apart
FLAGGED = (213, 94, 0)
GAP = 16


def draw_tray(views: Sequence[View]) -> NDArray[np.uint8]:
    """The views side by side, at one height, with a legend below.

    Args:
        views: Scan first, then the photo, where there is one.

    Returns:
        [H, W, 3] uint8.
    """
    panels = [_panel(*view) for view in views]
    legend = 28
    width = sum(panel.width for panel in panels) + GAP * (len(panels) - 1)
    sheet = Image.new("RGB", (width, max(p.height for p in panels) + legend), "white")
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + GAP
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    flagged = sorted({flag for _, _, found in views for f in found.values() for flag in f.flags})
    y = sheet.height - legend + 5
    draw.rectangle((6, y + 3, 18, y + 15), outline=WHOLE, width=2)
    draw.text((24, y), "whole", fill="black", font=font)
    if flagged:
        draw.rectangle((84, y + 3, 96, y + 15), outline=FLAGGED, width=2)
        letters = ", ".join(f"{flag[0]} {flag}" for flag in flagged)
        draw.text((102, y), letters, fill="black", font=font)
    return np.asarray(sheet)


def _panel(
    picture: NDArray[np.uint8], labels: NDArray[np.int32], found: Mapping[int, Found]
) -> Image.Image:
    height, width = picture.shape[:2]
    scale = min(HEIGHT / height, MOST_WIDE / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    enlarging = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    shown = np.asarray(Image.fromarray(picture).resize(size, enlarging)).copy()
    # Labels at the drawing's size, so that outlines are one clean line at any scale.
    rows = (np.arange(size[1]) + 0.5) * labels.shape[0] / size[1]
    columns = (np.arange(size[0]) + 0.5) * labels.shape[1] / size[0]
    drawn = labels[np.ix_(rows.astype(int), columns.astype(int))]
    nearest = ndimage.grey_dilation(drawn, size=3)
    edge = (drawn != nearest) | (drawn != ndimage.grey_erosion(drawn, size=3))
    colours = np.zeros((max(int(labels.max()), max(found, default=0)) + 1, 3), np.uint8)
    for number, thing in found.items():
        colours[number] = FLAGGED if thing.flags else WHOLE
    shown[edge] = colours[nearest[edge]]
    image = Image.fromarray(shown)
    draw = ImageDraw.Draw(image)
    places = ndimage.find_objects(drawn, max_label=len(colours) - 1)
    for number, thing in found.items():
        if number > len(places) or places[number - 1] is None:
            continue
        rows_of, columns_of = places[number - 1]
        small = min(rows_of.stop - rows_of.start, columns_of.stop - columns_of.start)
        font = ImageFont.load_default(max(11, min(22, small // 2)))
        text = f"{thing.number or ''}{''.join(flag[0] for flag in thing.flags)}"
        middle = (
            (columns_of.start + columns_of.stop) / 2,
            (rows_of.start + rows_of.stop) / 2,
        )
        draw.text(
            middle, text, fill="white", font=font, anchor="mm", stroke_width=2, stroke_fill="black"
        )
    return image
