"""Two cameras over a simulated tray: a push-broom scanner's raw counts and an RGB photo."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.simulate import spectra
from bimae.data.simulate.camera import (
    HS_READ,
    HS_SHOT,
    RGB_READ,
    RGB_SHOT,
    Drift,
    layer_spectra,
)
from bimae.data.simulate.spectra import Array
from bimae.data.simulate.tray_plan import Place, TrayPlan
from bimae.data.simulate.tray_views import Stamp, View, ground, ground_spectra

FULL = 3400.0  # counts above dark of the white reference where the scanner is most sensitive
MOST = 4095  # 12 bits
DARK = 180.0
FIXED_PATTERN = 0.03  # standard deviation of the gain from one detector column to the next
FALL_OFF = 0.25  # of the light at the ends of the scanner's slit
WHITE_TILE = 0.99
REFERENCE_LINES = 32
BLOCK_LINES = 16
DEAD_ELEMENTS = 2e-4  # share of the detector's elements that is stuck

_RGB_NM = np.linspace(spectra.FIRST_NM, spectra.LAST_NM, 121)
_DRIFT, _DETECTOR, _NOISE, _REFERENCE, _PHOTO = 30, 31, 32, 33, 34
_COAT = [0, 1, 2, 4]  # of `LAYERS`: all but the tray


@dataclass(frozen=True)
class Detector:
    """The scanner's sensor: an element for every sample and band.

    Attributes:
        dark: [samples, bands] counts without light.
        gain: [samples, bands] counts above dark at reflectance 1.
        stuck: [samples, bands] what a dead element always says; below 0 for the living.
    """

    dark: NDArray[np.float32]
    gain: NDArray[np.float32]
    stuck: NDArray[np.float32]

    def expose(
        self, reflectance: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.uint16]:
        """[n, samples, bands] reflectance -> raw counts of the same shape."""
        counts = HS_SHOT**2 * reflectance
        counts += HS_READ**2
        np.sqrt(counts, out=counts)
        counts *= FULL * rng.standard_normal(counts.shape, dtype=np.float32)
        counts += self.gain * reflectance
        counts += self.dark
        np.copyto(counts, np.broadcast_to(self.stuck, counts.shape), where=self.stuck >= 0)
        np.rint(counts, out=counts)
        return counts.clip(0, MOST).astype(np.uint16)


def draw_detector(plan: TrayPlan, nm: Array) -> Detector:
    """The scanner's sensor, with its fixed pattern and its dead elements."""
    rng = plan.stream(_DETECTOR)
    shape = (plan.samples, plan.bands)
    lamp = 0.35 + 0.65 * (nm - 400) / 600
    silicon = np.exp(-0.5 * ((nm - 680) / 190) ** 2)
    efficiency = (0.06 + lamp * silicon) / (0.06 + lamp * silicon).max()
    across = np.linspace(-1, 1, plan.samples)
    light = 1 - FALL_OFF * across**2
    pattern = 1 + FIXED_PATTERN * rng.standard_normal(plan.samples)
    gain = FULL * (light * pattern)[:, None] * efficiency[None, :]
    dark = DARK + 6 * rng.standard_normal(plan.samples)[:, None] + 2 * rng.standard_normal(shape)
    stuck = np.full(shape, -1.0)
    dead = rng.random(shape) < DEAD_ELEMENTS
    stuck[dead] = np.where(rng.random(int(dead.sum())) < 0.5, 0, MOST)
    stuck[rng.permutation(plan.samples)[: plan.dead_columns]] = 0
    return Detector(*(part.astype(np.float32) for part in (dark, gain, stuck)))


def references(plan: TrayPlan, detector: Detector) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """White and dark reference, each [32, samples, bands] raw counts."""
    rng = plan.stream(_REFERENCE)
    shape = (REFERENCE_LINES, plan.samples, plan.bands)
    white = detector.expose(np.full(shape, WHITE_TILE, np.float32), rng)
    dark = detector.expose(np.zeros(shape, np.float32), rng)
    return white, dark


def scan_blocks(
    plan: TrayPlan,
    view: View,
    seeds: list[tuple[Place, Stamp]],
    detector: Detector,
    nm: Array,
) -> Iterator[NDArray[np.uint16]]:
    """The scan from top to bottom, [16, samples, bands] raw counts at a time.

    Memory holds one block and the stamps, however long the scan is.
    """
    drift = Drift.draw(plan.stream(_DRIFT)).at(nm)
    smooth = spectra.instrument_smoothing(nm)
    floor = ((ground_spectra(plan.background, nm) * drift) @ smooth.T).astype(np.float32)
    coats = {
        place.draw: ((layer_spectra(place.coat, nm)[_COAT] * drift) @ smooth.T).astype(np.float32)
        for place, _ in seeds
    }
    for top in range(0, plan.lines, BLOCK_LINES):
        rows = slice(top, min(top + BLOCK_LINES, plan.lines))
        scene = np.dot(ground(plan, view, rows), floor)
        for place, stamp in seeds:
            lay(scene, stamp, coats[place.draw], top)
        yield detector.expose(scene, plan.stream(_NOISE, top))


def lay(
    scene: NDArray[np.float32], stamp: Stamp, coat: NDArray[np.float32], first_row: int = 0
) -> None:
    """Lays a seed on the rows of a scene that start at `first_row`; what sticks out is lost."""
    height, width = stamp.blocks.shape
    top, left = stamp.top - first_row, stamp.left
    rows = slice(max(top, 0), min(top + height, scene.shape[0]))
    columns = slice(max(left, 0), min(left + width, scene.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    own = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    scene[rows, columns] *= stamp.blocks[own][..., None]
    scene[rows, columns] += np.tensordot(stamp.layers[:, *own], coat, axes=(0, 0))


def photograph_tray(
    plan: TrayPlan, view: View, seeds: list[tuple[Place, Stamp]]
) -> NDArray[np.uint8]:
    """The RGB photo [H, W, 3]: a lens that darkens the corners, noise, the sRGB tone curve."""
    response = _sensitivities()
    drift = Drift.draw(plan.stream(_DRIFT)).at(_RGB_NM)
    floor = ((ground_spectra(plan.background, _RGB_NM) * drift) @ response).astype(np.float32)
    scene = np.dot(ground(plan, view, slice(0, view.rows)), floor)
    for place, stamp in seeds:
        coat = (layer_spectra(place.coat, _RGB_NM)[_COAT] * drift) @ response
        lay(scene, stamp, coat.astype(np.float32))
    scene = ndimage.gaussian_filter(scene, (0.8, 0.8, 0))
    rng = plan.stream(_PHOTO)
    scene += np.sqrt(RGB_READ**2 + RGB_SHOT**2 * np.maximum(scene, 0)) * rng.standard_normal(
        scene.shape, dtype=np.float32
    )
    linear = np.clip(scene, 0, 1)
    tone = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * tone), dtype=np.uint8)


def _sensitivities() -> Array:
    """[121, 3] this camera's share of each wavelength in red, green and blue, lamp included."""
    centres, widths = np.array([605.0, 535.0, 455.0]), np.array([36.0, 38.0, 30.0])
    curves = np.exp(-0.5 * ((_RGB_NM[:, None] - centres) / widths) ** 2)
    cut = 1 / (1 + np.exp((_RGB_NM - 665.0) / 6.0))
    seen = curves * cut[:, None]
    return np.asarray(seen / seen.sum(axis=0))
