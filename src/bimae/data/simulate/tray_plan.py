"""What a simulated tray is asked to be, and where its seeds come to lie."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bimae.data.simulate.shape import Body, draw_body
from bimae.data.simulate.species import SPECIES, Species
from bimae.data.simulate.spectra import Coat, draw_coat
from bimae.errors import ConfigError

Background = Literal["white", "black", "blue"]
Points = NDArray[np.float64]

SURROUND = 0.10  # of the shorter side: table and rim on each side of the tray
RIM_MM = 0.9
PRESSED_MM = 0.12  # how far two touching outlines overlap: they join in a picture of 0.15 mm pixels

_OUTLINE = np.linspace(-np.pi, np.pi, 181)[:-1]

# What a random stream is for: the first number of its spawn key.
_PLACES, _SEED = 10, 11


@dataclass(frozen=True)
class TrayPlan:
    """A simulated tray.

    Attributes:
        species: Labels of the species on it, in equal numbers, in random places.
        seeds: How many seeds; 0 leaves it empty.
        lines: Rows of pixels of the scan.
        samples: Pixels in a row.
        bands: Bands, evenly spaced from 400 to 1000 nm.
        pixel_mm: Side of a pixel of the scan.
        background: What the tray is made of.
        surround: Both views show the tray's rim and the table around it.
        jitter: How far seeds lie off a regular grid, 0 to 1 of the free room around them.
        touching: Pairs of neighbours that are pushed together.
        cut: Seeds that lie across the edge of the scan (or of the tray, with `surround`).
        dust: Specks of 0.1 mm.
        uneven: How much darker than its middle the light is in the corners, 0 to 1.
        dead_columns: Detector columns without any signal, besides some single dead elements.
        distinct: Only so many different seeds are drawn and repeated, for a large scan; 0 for all.
        photo: Another camera's RGB photo is taken as well.
        photo_scale: Its pixels per pixel of the scan.
        photo_turn: Degrees by which the tray is turned in it (from x towards y, so clockwise).
        photo_mirror: It is mirrored left to right, before it is turned.
        seed: Seed of everything random.
    """

    species: tuple[str, ...] = ("b. napus", "g. tetrahit", "a. lappa", "t. pratense")
    seeds: int = 24
    lines: int = 240
    samples: int = 320
    bands: int = 60
    pixel_mm: float = 0.15
    background: Background = "white"
    surround: bool = False
    jitter: float = 0.6
    touching: int = 0
    cut: int = 0
    dust: int = 0
    uneven: float = 0.15
    dead_columns: int = 0
    distinct: int = 0
    photo: bool = True
    photo_scale: float = 4.0
    photo_turn: float = 4.0
    photo_mirror: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Names all impossible values at once."""
        if problems := list(self._problems()):
            raise ConfigError.of(problems)

    def _problems(self) -> Iterator[str]:
        known = {species.name for species in SPECIES}
        if not self.species or set(self.species) - known:
            unknown = ", ".join(sorted(set(self.species) - known)) or "none"
            yield f"species is {unknown}: choose from {', '.join(sorted(known))}"
        if self.background not in get_args(Background):
            yield f"background is {self.background!r}: choose from white, black, blue"
        ranges = {
            "seeds": (0, 100_000),
            "lines": (16, 1_000_000),
            "samples": (16, 100_000),
            "bands": (2, 4096),
            "pixel_mm": (0.005, 10),
            "jitter": (0, 1),
            "touching": (0, self.seeds // 4),
            "cut": (0, self.seeds // 4),
            "dust": (0, 10_000),
            "uneven": (0, 0.9),
            "dead_columns": (0, self.samples // 8),
            "distinct": (0, 100_000),
            "photo_scale": (0.2, 20),
            "seed": (0, 2**63),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                yield f"{name} is {value}: the tray simulator takes {least} to {most}"

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Where the tray's floor ends in the scan: top, left, bottom, right, in pixel edges."""
        if not self.surround:
            return 0.0, 0.0, float(self.lines), float(self.samples)
        margin = SURROUND * min(self.lines, self.samples)
        return margin, margin, self.lines - margin, self.samples - margin

    def stream(self, *key: int) -> np.random.Generator:
        """The random numbers for one purpose, independent of all others."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


@dataclass(frozen=True)
class Place:
    """One seed and where it lies.

    Attributes:
        species: What it is.
        coat: Its colour and spectrum.
        body: Its size, pose and outline.
        draw: Number of its drawing: places that share one show the same seed.
        x: Middle of the seed in pixels of the scan, 0 in the middle of the first pixel.
        y: The same, downwards.
        touching: It was pushed against a neighbour.
        cut: It was laid across the edge.
    """

    species: Species
    coat: Coat
    body: Body
    draw: int
    x: float
    y: float
    touching: bool = False
    cut: bool = False


def lay_out(plan: TrayPlan) -> list[Place]:
    """Draws the seeds of a tray and their places, row by row.

    Raises:
        ConfigError: A seed is larger than its share of the tray.
    """
    if plan.seeds == 0:
        return []
    rng = plan.stream(_PLACES)
    top, left, bottom, right = plan.edges
    columns = max(1, round((plan.seeds * (right - left) / (bottom - top)) ** 0.5))
    rows = -(-plan.seeds // columns)
    cell = np.array([(right - left) / columns, (bottom - top) / rows])
    kinds = rng.permutation(np.arange(plan.seeds) % len(plan.species))
    number = {species.name: i for i, species in enumerate(SPECIES)}
    places = []
    for i in range(plan.seeds):
        draw = i % plan.distinct if plan.distinct else i
        kind = number[plan.species[int(kinds[draw])]]
        own = plan.stream(_SEED, kind, draw)
        coat, body = draw_coat(SPECIES[kind], own), draw_body(SPECIES[kind].look, own)
        free = cell - body.length_mm / plan.pixel_mm - 3
        if free.min() < 0:
            raise ConfigError(
                f"a seed of {SPECIES[kind].name} is {body.length_mm / plan.pixel_mm:.0f} pixels "
                f"long, its share of the tray {cell[0]:.0f} x {cell[1]:.0f} pixels: ask for fewer "
                "seeds, a larger scan or a larger pixel_mm"
            )
        row, column = divmod(i, columns)
        middle = np.array([left, top]) + (np.array([column, row]) + 0.5) * cell - 0.5
        x, y = middle + plan.jitter * rng.uniform(-0.5, 0.5, 2) * free
        places.append(Place(SPECIES[kind], coat, body, draw, float(x), float(y)))
    _push_together(plan, places, columns, rng)
    _lay_across(plan, places, columns, rng)
    return _on_whole_pixels(places) if plan.distinct else places


def _around(body: Body) -> Points:
    reach = _reach(body, _OUTLINE)
    angle = _OUTLINE + body.angle
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)


def _reach(body: Body, angle: Points) -> Points:
    """Distance of the outline in mm at an angle from the seed's own axis."""
    at = np.linspace(-np.pi, np.pi, len(body.radius))
    return np.interp(np.mod(angle + np.pi, 2 * np.pi) - np.pi, at, body.radius)


def _overlap(one: Body, other: Body, shift: Points) -> bool:
    """Whether two outlines meet when the other's middle lies `shift` mm from the one's."""
    for body, points in ((one, _around(other) + shift), (other, _around(one) - shift)):
        angle = np.arctan2(points[:, 1], points[:, 0]) - body.angle
        if (np.hypot(points[:, 0], points[:, 1]) < _reach(body, angle)).any():
            return True
    return False


def _push_together(
    plan: TrayPlan, places: list[Place], columns: int, rng: np.random.Generator
) -> None:
    """Moves pairs of neighbours in a row towards each other until they touch."""
    pairs = [(i, i + 1) for i in range(0, len(places) - 1, 2) if i // columns == (i + 1) // columns]
    for which in rng.permutation(len(pairs))[: plan.touching].tolist():
        first, second = (places[i] for i in pairs[which])
        direction = np.array([1.0, rng.uniform(-0.3, 0.3)])
        direction /= np.hypot(*direction)
        near, far = 0.0, (first.body.length_mm + second.body.length_mm) / 1.5
        for _ in range(30):
            middle = (near + far) / 2
            meet = _overlap(first.body, second.body, middle * direction)
            near, far = (middle, far) if meet else (near, middle)
        half = direction * (far - PRESSED_MM) / 2 / plan.pixel_mm
        x, y = (first.x + second.x) / 2, (first.y + second.y) / 2
        for i, place, sign in zip(pairs[which], (first, second), (-1, 1), strict=True):
            places[i] = replace(
                place, x=float(x + sign * half[0]), y=float(y + sign * half[1]), touching=True
            )


def _lay_across(
    plan: TrayPlan, places: list[Place], columns: int, rng: np.random.Generator
) -> None:
    """Moves seeds of the outer rows and columns onto the edge."""
    top, left, bottom, right = plan.edges
    rows = -(-len(places) // columns)
    # A seed of the inside would have to pass others on its way to the edge.
    outer = [
        i
        for i, place in enumerate(places)
        if not place.touching and (i // columns in (0, rows - 1) or i % columns in (0, columns - 1))
    ]
    for i in rng.permutation(outer)[: plan.cut].tolist():
        place, row, column = places[i], i // columns, i % columns
        inwards = rng.uniform(-0.15, 0.25) * place.body.width_mm / plan.pixel_mm
        x, y = place.x, place.y
        if column == 0:
            x = left + inwards - 0.5
        elif column == columns - 1:
            x = right - inwards - 0.5
        elif row == 0:
            y = top + inwards - 0.5
        else:
            y = bottom - inwards - 0.5
        places[i] = replace(place, x=float(x), y=float(y), cut=True)


def _on_whole_pixels(places: list[Place]) -> list[Place]:
    """Puts repeated seeds whole pixels from the first of their kind: none is drawn again."""
    first: dict[int, Place] = {}
    for place in places:
        first.setdefault(place.draw, place)
    return [
        replace(
            place,
            x=first[place.draw].x + round(place.x - first[place.draw].x),
            y=first[place.draw].y + round(place.y - first[place.draw].y),
        )
        for place in places
    ]
