"""A tray whose seeds were found and paired: cut out one by one, in both views."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Cube, Values
from bimae.data.trays.colours import colours_at
from bimae.data.trays.drawing import draw_tray
from bimae.data.trays.masks import around, joined, nearest, rounded_label, smooth_mask
from bimae.data.trays.preview import stretched
from bimae.data.trays.register import Matrix, Points, mapped
from bimae.data.trays.segment import Found

Rgb = NDArray[np.float32]
Photo = NDArray[np.uint8]

MARGIN = 1.1  # side of a crop in sides of the largest seed
ROUNDING = 0.3  # pixels of the scan by which outlines are smoothed in the photo


@dataclass(frozen=True)
class Partner:
    """A seed's place in the photo.

    Attributes:
        number: Its number there.
        matrix: [3, 3] maps x, y of the scan to x, y of the photo.
    """

    number: int
    matrix: Matrix


@dataclass(frozen=True, eq=False)
class Tray:
    """What was found on a tray, ready to be cut.

    Attributes:
        cube: The scan.
        photo: [H, W, 3] uint8, or None.
        objects: Everything found in the scan, in reading order, with its flags.
        notes: What a person should know, a line each.
    """

    cube: Cube
    photo: Photo | None
    objects: tuple[Found, ...]
    notes: tuple[str, ...]
    _labels: NDArray[np.int32]  # [lines, samples]
    _photo_labels: NDArray[np.int32] | None  # of the photo at 1 / _photo_factor of its size
    _photo_factor: int
    _photo_found: tuple[Found, ...]
    _partners: Mapping[int, Partner]
    _colour: NDArray[np.uint8]
    _bands: tuple[int, int, int]
    _stretch: NDArray[np.float32]  # [2, 3] black and white

    @property
    def whole(self) -> tuple[Found, ...]:
        """Objects without a flag."""
        return tuple(found for found in self.objects if not found.flags)

    @property
    def side(self) -> int:
        """Pixels of the scan along a square that holds the largest whole seed (or any, if none)."""
        boxes = [found.box for found in self.whole or self.objects]
        longest = max((max(b[2] - b[0], b[3] - b[1]) for b in boxes), default=1)
        return math.ceil(MARGIN * longest)

    @property
    def photo_scale(self) -> float | None:
        """Pixels of the photo along one of the scan; None where no seed is seen in both."""
        scales = [_scale(partner.matrix) for partner in self._partners.values()]
        return float(np.median(scales)) if scales else None

    def crop(
        self,
        number: int,
        side: int,
        *,
        background: Literal["blank", "keep"] = "blank",
        rounding: float = 0.0,
    ) -> tuple[Values, Rgb | None]:
        """Both views of the square around a seed, the scan's way up.

        Args:
            number: The seed.
            side: Of the square, in pixels of the scan.
            background: `blank` leaves the seed alone (spectra 0, RGB white around it), `keep`
                takes away other seeds only.
            rounding: Pixels of the scan by which the outline is smoothed there.

        Returns:
            [side, side, C], and [S, S, 3] at the photo's own resolution; None without a photo, or
            where the photo does not show this seed.

        Raises:
            DataError: The scan cannot be read.
        """
        rows, columns = self._square(number, side)
        inside = (
            slice(max(rows.start, 0), max(min(rows.stop, self.cube.lines), 0)),
            slice(max(columns.start, 0), max(min(columns.stop, self.cube.samples), 0)),
        )
        part = self.cube.read(*inside)
        hs = np.zeros((side, side, part.shape[2]), part.dtype)
        top, left = inside[0].start - rows.start, inside[1].start - columns.start
        hs[top : top + part.shape[0], left : left + part.shape[1]] = part
        labels = np.zeros((side, side), np.int32)
        labels[top : top + part.shape[0], left : left + part.shape[1]] = self._labels[inside]
        if rounding:
            labels = rounded_label(labels, number, labels == number, rounding)
        hs[around(labels, number, background)] = 0
        return hs, self._photo_crop(number, rows, columns, background)

    def false_crop(
        self, number: int, side: int, *, background: Literal["blank", "keep"] = "blank"
    ) -> Rgb:
        """[side, side, 3] false colour of a seed on white, on one scale for the whole tray."""
        hs, _ = self.crop(number, side, background=background)
        colours = hs[:, :, list(self._bands)].astype(np.float32)
        shown = stretched(colours, *self._stretch)
        shown[~hs.any(axis=2)] = 1
        return shown

    def picture(self) -> NDArray[np.uint8]:
        """[H, W, 3] the scan, and the photo beside it, every seed outlined and numbered."""
        views = [(self._colour, self._labels, {f.number: f for f in self.objects})]
        if self.photo is not None and self._photo_labels is not None:
            by_number = {f.number: f for f in self.objects}
            # In the photo a seed carries the number and the flags that it has in the scan.
            named = {p.number: by_number[n] for n, p in self._partners.items()}
            alone = {
                f.number: replace(f, flags=("unpaired",), number=0)
                for f in self._photo_found
                if f.number not in named
            }
            step = self._photo_factor
            views.append((self.photo[::step, ::step], self._photo_labels, named | alone))
        return draw_tray(views)

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it but the images, as arrays; `restored` goes back."""
        partners = [(n, p.number) for n, p in self._partners.items()]
        return {
            "labels": self._labels,
            "objects": _as_rows(self.objects),
            "flags": np.array([" ".join(f.flags) for f in self.objects], dtype=np.str_),
            "photo_labels": np.zeros((0, 0), np.int32)
            if self._photo_labels is None
            else self._photo_labels,
            "photo_factor": np.array(self._photo_factor),
            "photo_objects": _as_rows(self._photo_found),
            "partners": np.array(partners, np.int64).reshape(-1, 2),
            "matrices": np.array([p.matrix for p in self._partners.values()]).reshape(-1, 3, 3),
            "colour": self._colour,
            "bands": np.array(self._bands),
            "stretch": self._stretch,
            "notes": np.array(self.notes, dtype=np.str_),
        }

    @classmethod
    def restored(cls, cube: Cube, photo: Photo | None, state: Mapping[str, NDArray[Any]]) -> "Tray":
        """The tray whose `state` this is, on the same scan and photo."""
        flags = [tuple(text.split()) for text in state["flags"].tolist()]
        red, green, blue = state["bands"].tolist()
        return cls(
            cube,
            photo,
            _from_rows(state["objects"], flags),
            tuple(state["notes"].tolist()),
            state["labels"],
            state["photo_labels"] if state["photo_labels"].size else None,
            int(state["photo_factor"]),
            _from_rows(state["photo_objects"], [()] * len(state["photo_objects"])),
            {
                int(n): Partner(int(other), matrix)
                for (n, other), matrix in zip(state["partners"], state["matrices"], strict=True)
            },
            state["colour"],
            (red, green, blue),
            state["stretch"],
        )

    def _square(self, number: int, side: int) -> tuple[slice, slice]:
        """Rows and columns around the middle of a seed's box; may stick out of the scan."""
        top, left, bottom, right = self._found(number).box
        row, column = (top + bottom - side) // 2, (left + right - side) // 2
        return slice(row, row + side), slice(column, column + side)

    def _found(self, number: int) -> Found:
        return next(found for found in self.objects if found.number == number)

    def _photo_crop(
        self, number: int, rows: slice, columns: slice, background: Literal["blank", "keep"]
    ) -> Rgb | None:
        partner = self._partners.get(number)
        if self.photo is None or self._photo_labels is None or partner is None:
            return None
        side = rows.stop - rows.start
        scale = _scale(partner.matrix)
        size = max(1, round(side * scale))
        rgb: Rgb = np.ones((size, size, 3), np.float32)
        window = (slice(0, size), slice(0, size))
        if background == "blank":  # most of a square is blank, and need not be looked at
            window = self._window(number, partner, (rows, columns), size, scale)
        along = (np.arange(size) + 0.5) * side / size - 0.5
        x, y = np.meshgrid(columns.start + along[window[1]], rows.start + along[window[0]])
        places = mapped(partner.matrix, np.column_stack([x.ravel(), y.ravel()]))
        labels = nearest(self._photo_labels, places[:, ::-1], self._photo_factor).reshape(x.shape)
        seen = smooth_mask(self._labels, number, rows, columns, size, window=window)
        labels = joined(labels, partner.number, seen, scale, ROUNDING * scale)
        shown = ~around(labels, partner.number, background)
        rgb[window][shown] = colours_at(self.photo, places[shown.ravel()])
        return rgb

    def _window(
        self,
        number: int,
        partner: Partner,
        square: tuple[slice, slice],
        size: int,
        scale: float,
    ) -> tuple[slice, slice]:
        """What of a square, enlarged, can show a seed by either outline, rounded."""
        rows, columns = square
        boxes = [f.box for f in self._photo_found if f.number == partner.number]
        corners = [
            mapped(np.asarray(np.linalg.inv(partner.matrix)), self._photo_factor * _corners(box))
            for box in boxes
        ]
        places = np.concatenate([_corners(self._found(number).box), *corners])
        share = size / (rows.stop - rows.start)
        margin = math.ceil(share + 4 * ROUNDING * scale) + 2  # a filter reaches 4 spreads
        low = np.floor((places.min(axis=0) - (columns.start, rows.start)) * share) - margin
        high = np.ceil((places.max(axis=0) - (columns.start, rows.start) + 1) * share) + margin
        left, top = np.clip(low, 0, size).astype(int).tolist()
        right, bottom = np.clip(high, 0, size).astype(int).tolist()
        return slice(top, bottom), slice(left, right)


def _scale(matrix: Matrix) -> float:
    return math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))


def _corners(box: tuple[int, int, int, int]) -> Points:
    """[4, 2] x and y of the corners of a box, half a pixel outside of it."""
    top, left, bottom, right = box
    return np.array([(x, y) for x in (left - 1, right) for y in (top - 1, bottom)], np.float64)


def _as_rows(objects: tuple[Found, ...]) -> NDArray[np.float64]:
    rows = [[f.number, *f.box, f.area, *f.centroid] for f in objects]
    return np.array(rows, np.float64).reshape(-1, 8)


def _from_rows(rows: NDArray[np.float64], flags: list[tuple[str, ...]]) -> tuple[Found, ...]:
    return tuple(
        Found(int(n), (int(t), int(le), int(b), int(r)), int(area), (y, x), flag)
        for (n, t, le, b, r, area, y, x), flag in zip(rows.tolist(), flags, strict=True)
    )
