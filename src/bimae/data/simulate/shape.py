"""Where a seed lies and how far it reaches: pose, outline and appendages.

Lengths are in mm. Images are crops around one seed: the field of view is the seed's own length and
a margin on either side, as when a segmented seed is cut out and brought to a fixed size. So a
small seed still fills less of its image than a large one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.simulate.species import Look, Outline

Map = NDArray[np.float32]

# Difficulty: how much seeds of one species differ.
SIZE_SPREAD = 0.08
ASPECT_SPREAD = 0.07
OUTLINE_SPREAD = 0.012
JITTER = 0.03  # of the field of view
MARGIN_MM = 0.6

_ANGLES = np.linspace(-np.pi, np.pi, 721)


@dataclass(frozen=True, slots=True)
class Frame:
    """The seed's own coordinates for every pixel.

    Attributes:
        along: [H, W] position along the seed's axis in mm, 0 in the middle.
        across: [H, W] position across it in mm.
        inward: [H, W] distance from the middle over the outline's distance: 1 on the outline.
        edge_mm: [H, W] distance to the outline in mm, positive inside.
        pixel_mm: Size of a pixel.
        length_mm: The seed's own length.
        width_mm: Its width.
        angle: Direction of its axis in the image, radians.
    """

    along: Map
    across: Map
    inward: Map
    edge_mm: Map
    pixel_mm: float
    length_mm: float
    width_mm: float
    angle: float

    def mask(self) -> Map:
        """[H, W] share of a pixel that the seed covers."""
        share = self.edge_mm / np.float32(self.pixel_mm) + np.float32(0.5)
        return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Body:
    """One seed's size, pose and outline.

    Attributes:
        length_mm: Length.
        width_mm: Width.
        angle: Direction of the axis, radians.
        centre: Position in the field of view, relative to its middle, in fields of view.
        radius: [721] distance of the outline in mm at `_ANGLES`.
    """

    length_mm: float
    width_mm: float
    angle: float
    centre: tuple[float, float]
    radius: NDArray[np.float64]

    @property
    def field_mm(self) -> float:
        """Side of the square image in mm."""
        return self.length_mm + 2 * MARGIN_MM

    def frame(self, size: int, shift_mm: tuple[float, float] = (0.0, 0.0)) -> Frame:
        """The seed's coordinates on a grid of `size` pixels, the seed shifted by x and y in mm."""
        pixel = self.field_mm / size
        grid = ((np.arange(size) + 0.5) / size - 0.5) * self.field_mm
        x = (grid - self.centre[0] * self.field_mm - shift_mm[0])[None, :]
        y = (grid - self.centre[1] * self.field_mm - shift_mm[1])[:, None]
        along = (np.cos(self.angle) * x + np.sin(self.angle) * y).astype(np.float32)
        across = (np.cos(self.angle) * y - np.sin(self.angle) * x).astype(np.float32)
        distance = np.hypot(along, across)
        reach = np.interp(np.arctan2(across, along), _ANGLES, self.radius).astype(np.float32)
        return Frame(
            along,
            across,
            distance / reach,
            reach - distance,
            pixel,
            self.length_mm,
            self.width_mm,
            self.angle,
        )


def draw_body(look: Look, rng: np.random.Generator) -> Body:
    """Size, pose and outline of one seed of a species."""
    size = np.exp(SIZE_SPREAD * rng.standard_normal())
    aspect = np.exp(ASPECT_SPREAD * rng.standard_normal())
    length, width = look.length_mm * size, look.width_mm * size * aspect
    angle = rng.uniform(-np.pi, np.pi)
    centre = rng.uniform(-JITTER, JITTER, size=2)
    bumps = np.zeros_like(_ANGLES)
    for order in range(2, 7):
        amplitude = OUTLINE_SPREAD * rng.standard_normal() * 2 / order
        bumps += amplitude * np.cos(order * _ANGLES + rng.uniform(0, 2 * np.pi))
    radius = _radius(look.outline, length / 2, width / 2) * (1 + bumps)
    return Body(length, width, angle, (float(centre[0]), float(centre[1])), radius)


def draw_appendage(look: Look, frame: Frame, rng: np.random.Generator) -> Map:
    """[H, W] share of a pixel covered by awn, pappus or bristles (before the body covers them)."""
    if look.appendage == "bristles":
        return _bristles(frame, rng)
    if look.appendage == "pappus":
        return _pappus(frame, rng)
    if look.appendage == "awn":
        return _awn(frame, rng)
    return np.zeros_like(frame.along)


def _radius(outline: Outline, a: float, b: float) -> NDArray[np.float64]:
    """Distance of an outline with half axes `a` and `b` at `_ANGLES`, by way of a closed curve."""
    phi = np.linspace(-np.pi, np.pi, 1441)
    u, side = np.cos(phi), np.sign(np.sin(phi))
    if outline == "trigonous":  # ovate and pointed at both ends
        half = (1 - np.abs(u) ** 1.7) ** 0.85 * (1 - 0.22 * u)
    elif outline == "obovate":  # a truncate top and a narrow base
        half = (1 - np.abs(u) ** 3.2) ** 0.5 * (0.76 + 0.30 * u)
    elif outline == "lanceolate":
        half = (1 - np.abs(u) ** 1.9) ** 0.8 * (1 - 0.15 * u)
    elif outline == "ovate":
        half = (1 - u**2) ** 0.5 * (1 - 0.16 * u)
    else:
        half = np.abs(np.sin(phi))
    x, y = a * u, b * side * half / half.max()
    if outline == "reniform":  # the notch of a kidney
        dent = 1 - 0.30 * np.exp(-(((phi - np.pi / 2) / 0.42) ** 2))
        x, y = x * dent, y * dent
    elif outline == "heart":  # a radicle lobe beside a notch
        lobe = 1 - 0.22 * np.exp(-(((phi - 0.75) / 0.30) ** 2))
        lobe += 0.10 * np.exp(-(((phi - 0.15) / 0.30) ** 2))
        x, y = x * lobe, y * lobe
    return np.asarray(np.interp(_ANGLES, np.arctan2(y, x), np.hypot(x, y), period=2 * np.pi))


def _comb(position: NDArray[np.floating], width: float) -> Map:
    """Thin hairs where `position` is near a whole number; `width` in the same unit."""
    away = np.abs(position - np.round(position))
    return np.asarray(np.clip(1.5 - away / width, 0.0, 1.0), dtype=np.float32)


def _bristles(frame: Frame, rng: np.random.Generator) -> Map:
    count = int(rng.integers(26, 36))
    angle = np.arctan2(frame.across, frame.along)
    hook = (np.maximum(-frame.edge_mm, 0.0) / 0.3) ** 2  # the tips are bent
    number = (angle + 0.10 * hook) * count / (2 * np.pi)
    lengths = rng.uniform(0.15, 0.32, size=count + 2).astype(np.float32)
    reach = lengths[np.mod(np.round(number).astype(np.int64), count)]
    whole = np.clip(4 * (1 + frame.edge_mm / reach), 0.0, 1.0)
    return np.asarray(_comb(number, 0.09) * whole, dtype=np.float32)


def _pappus(frame: Frame, rng: np.random.Generator) -> Map:
    """A tuft on the broad end, a little shorter than half the seed."""
    top = 0.40 * frame.length_mm
    x, y = frame.along - top, frame.across
    count, length = float(rng.uniform(7, 9)), 0.26 * frame.length_mm * rng.uniform(0.85, 1.15)
    angle, distance = np.arctan2(y, x + 0.25 * frame.width_mm), np.hypot(x, y)
    spread = np.clip((0.75 - np.abs(angle)) * 12, 0.0, 1.0)
    inside = np.clip((length * (1 - 0.2 * angle**2) - distance) / (0.15 * length), 0.0, 1.0)
    hairs = _comb(angle * count, 0.17)
    return np.asarray((x > 0) * spread * inside * (0.12 + 0.88 * hairs), dtype=np.float32)


def _awn(frame: Frame, rng: np.random.Generator) -> Map:
    bend = rng.uniform(-0.12, 0.12)
    beyond = frame.along + 0.1 * frame.length_mm
    line = np.abs(frame.across - 0.06 * frame.width_mm - bend * beyond**2 / frame.length_mm)
    thin = np.clip(1.2 - line / (0.05), 0.0, 1.0)
    length = 0.70 * frame.length_mm
    return np.asarray(thin * (beyond > 0) * np.clip((length - beyond) * 4, 0, 1), dtype=np.float32)
