"""A simulated tray before two cameras: where its ground and seeds lie on the pixels of a view."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.simulate.shape import Map
from bimae.data.simulate.spectra import Array, appendage_reflectance, tray_reflectance
from bimae.data.simulate.surface import draw_layers
from bimae.data.simulate.tray_plan import RIM_MM, Background, Place, TrayPlan

GROUNDS = ("tray", "rim", "table", "dust")
TABLE_GRAIN = 0.06
DUST_MM = 0.1

_LAYERS, _DUST = 20, 21


@dataclass(frozen=True)
class View:
    """A grid of pixels over the tray.

    Attributes:
        rows: Rows of pixels.
        columns: Pixels in a row.
        to_scan: [3, 3] affine, x and y of this view -> x and y of the scan, in pixels.
        fine: Points along a side that a pixel averages over.
    """

    rows: int
    columns: int
    to_scan: NDArray[np.float64]
    fine: int


@dataclass(frozen=True)
class Stamp:
    """One seed on the pixels of a view.

    Attributes:
        top: First row; may be outside of the view.
        left: First column.
        blocks: [h, w] share of the ground's light that gets past the seed and its shadow.
        layers: [4, h, w] weights of light coat, dark coat, appendage and gloss.
        cover: [h, w] share of a pixel that the seed's body covers.
    """

    top: int
    left: int
    blocks: Map
    layers: Map
    cover: Map


def scan_view(plan: TrayPlan) -> View:
    """The pixels of the hyperspectral camera."""
    fine = int(np.clip(round(plan.pixel_mm / 0.03), 3, 8))
    return View(plan.lines, plan.samples, np.eye(3), fine)


def photo_view(plan: TrayPlan) -> View:
    """The pixels of the RGB camera: all that the scan shows, whatever the turn."""
    turn = np.deg2rad(plan.photo_turn)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = plan.photo_scale * turned @ np.diag([-1.0 if plan.photo_mirror else 1.0, 1.0])
    ends = np.array([[-0.5, plan.samples - 0.5], [-0.5, plan.lines - 0.5]])
    corners = linear @ np.stack([ends[0, [0, 1, 1, 0]], ends[1, [0, 0, 1, 1]]])
    low, high = corners.min(axis=1), corners.max(axis=1)
    # The photo begins a little beside the scan and not on a whole pixel.
    margin = np.array([2.3, 3.6]) * plan.photo_scale
    columns, rows = np.ceil(high - low + 2 * margin).astype(int).tolist()
    from_scan = np.eye(3)
    from_scan[:2, :2], from_scan[:2, 2] = linear, margin - low
    return View(rows, columns, np.asarray(np.linalg.inv(from_scan), np.float64), 1)


def draw_stamp(place: Place, plan: TrayPlan, view: View) -> Stamp:
    """A seed as a view sees it."""
    body = place.body
    fine_mm = plan.pixel_mm / max(plan.photo_scale, 3.0)
    size = max(16, round(body.field_mm / fine_mm))
    # One stream per seed and use, so that both views show the same surface.
    rng = plan.stream(_LAYERS, place.draw)
    layers = _fading(draw_layers(place.species.look, body, size, rng))
    parts = np.concatenate([layers, body.frame(size).mask()[None]])
    corners = _field_corners(place, plan, view)
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    seen = _resample(parts, _to_fine(place, plan, view, size, low), high - low, view.fine)
    return Stamp(int(low[1]), int(low[0]), 1 - seen[3], seen[[0, 1, 2, 4]], seen[5])


def ground(plan: TrayPlan, view: View, rows: slice) -> NDArray[np.float32]:
    """[n, columns, 4] share of `GROUNDS` in the pixels of some rows, light included."""
    y, x = np.mgrid[rows, : view.columns].astype(np.float64)
    to = view.to_scan
    x, y = to[0, 0] * x + to[0, 1] * y + to[0, 2], to[1, 0] * x + to[1, 1] * y + to[1, 2]
    top, left, bottom, right = plan.edges
    pixel = float(np.sqrt(abs(np.linalg.det(to[:2, :2]))))
    share = np.zeros((*x.shape, len(GROUNDS)), np.float32)
    if plan.surround:
        inside = np.minimum.reduce(
            [x + 0.5 - left, right - x - 0.5, y + 0.5 - top, bottom - y - 0.5]
        )
        floor = np.clip(inside / pixel + 0.5, 0, 1)
        both = np.clip((inside + RIM_MM / plan.pixel_mm) / pixel + 0.5, 0, 1)
        grain = np.sin(0.9 * y + 2 * np.sin(0.05 * x) + 0.3 * np.sin(0.31 * x + 0.07 * y))
        share[..., 0], share[..., 1] = floor, both - floor
        share[..., 2] = (1 - both) * (1 + TABLE_GRAIN * grain)
    else:
        share[..., 0] = 1
    _strew(plan, share, x, y, pixel)
    away = ((x + 0.5) / plan.samples - 0.5) ** 2 + ((y + 0.5) / plan.lines - 0.5) ** 2
    share *= (1 - plan.uneven * 2 * away)[..., None].astype(np.float32)
    return share


def ground_spectra(background: Background, nm: Array) -> Array:
    """[4, bands] reflectance of `GROUNDS`."""
    white = tray_reflectance(nm)
    # Blue plastic: phthalocyanine absorbs 550-720 nm, the near infrared comes back.
    pigment = np.exp(-0.5 * ((nm - 640) / 75) ** 2) + 0.5 / (1 + np.exp((nm - 425) / 9))
    tray = {
        "white": white,
        "black": np.full_like(nm, 0.035),
        "blue": 0.62 * np.exp(-2.2 * pigment),
    }[background]
    rim = 0.45 * white / white.max()
    wood = 0.34 * np.exp(-1.4 * np.exp(-(nm - 400) / 190))
    return np.stack([tray, rim, wood, appendage_reflectance(nm)])


def _fading(layers: Map) -> Map:
    """Replaces the tray's light by what the seed takes away from it, nothing at the field's edge.

    A seed drawn alone brings its own unevenness of the tray: side by side the fields would show.
    """
    size = layers.shape[1]
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]) / (0.12 * size)
    fade = np.clip(np.minimum(from_edge[:, None], from_edge[None, :]), 0, 1).astype(np.float32)
    faded = layers.copy()
    faded[3] = (1 - layers[3]) * fade
    return np.asarray(faded)


def _field_corners(place: Place, plan: TrayPlan, view: View) -> NDArray[np.float64]:
    """[4, 2] x and y in the view of the corners of the square in which a seed was drawn."""
    body = place.body
    half = 0.5 * body.field_mm / plan.pixel_mm
    x = place.x - body.centre[0] * 2 * half + half * np.array([-1, 1, 1, -1])
    y = place.y - body.centre[1] * 2 * half + half * np.array([-1, -1, 1, 1])
    seen = np.linalg.inv(view.to_scan) @ np.stack([x, y, np.ones(4)])
    return np.asarray(seen[:2].T)


def _to_fine(
    place: Place, plan: TrayPlan, view: View, size: int, low: NDArray[np.int_]
) -> NDArray[np.float64]:
    """[3, 3] x and y of the window's points (`fine` to a pixel) -> x and y of the drawing."""
    points = np.array([[1, 0, 0.5 - 0.5 * view.fine], [0, 1, 0.5 - 0.5 * view.fine], [0, 0, 1.0]])
    points[:2] /= view.fine  # of points to pixels of the window
    window = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    body = place.body
    side = body.field_mm / plan.pixel_mm
    k = size / side
    drawing = np.array(
        [
            [k, 0, k * (body.centre[0] * side - place.x) + size / 2 - 0.5],
            [0, k, k * (body.centre[1] * side - place.y) + size / 2 - 0.5],
            [0, 0, 1.0],
        ]
    )
    return np.asarray(drawing @ view.to_scan @ window @ points)


def _resample(
    parts: Map, matrix: NDArray[np.float64], size: NDArray[np.int_], fine: int
) -> NDArray[np.float32]:
    """[n, h, w] the drawing's parts on a window of pixels, each the mean of fine x fine points."""
    width, height = (fine * size).tolist()
    flipped = matrix[[1, 0]][:, [1, 0, 2]]  # scipy counts rows first
    seen = np.stack(
        [
            ndimage.affine_transform(
                part, flipped[:, :2], flipped[:, 2], (height, width), np.float32, order=1
            )
            for part in parts
        ]
    )
    blocks = seen.reshape(len(parts), height // fine, fine, width // fine, fine)
    return np.asarray(blocks.mean(axis=(2, 4)), dtype=np.float32)


def _strew(
    plan: TrayPlan,
    share: NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    pixel: float,
) -> None:
    """Lays specks of dust on the ground."""
    radius = 0.5 * DUST_MM / plan.pixel_mm
    for at_x, at_y in _specks(plan):
        away = np.hypot(x - at_x, y - at_y)
        # A speck smaller than a pixel covers the part of it that it has the area for.
        covers = np.clip((radius - away) / pixel + 0.5, 0, 1) * min(1.0, (2 * radius / pixel) ** 2)
        share *= (1 - covers)[..., None].astype(np.float32)
        share[..., 3] += covers.astype(np.float32)


@lru_cache(maxsize=4)
def _specks(plan: TrayPlan) -> list[tuple[float, float]]:
    rng = plan.stream(_DUST)
    spots = rng.uniform((0, 0), (plan.samples, plan.lines), size=(plan.dust, 2))
    return [(float(x), float(y)) for x, y in spots]
