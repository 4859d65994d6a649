"""A scan of many seeds, and perhaps a photo of them: found, paired, and cut out one by one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.cubes.cube import Cube, Values
from bimae.data.trays.drawing import draw_tray
from bimae.data.trays.masks import around, joined, nearest, smooth_mask
from bimae.data.trays.preview import preview, stretched
from bimae.data.trays.register import Matrix, mapped, pair_by_order, register
from bimae.data.trays.segment import Found, Segmentation, enlarged, segment
from bimae.errors import DataError

Pairing = Literal["register", "order", "largest"]
Rgb = NDArray[np.float32]
Photo = NDArray[np.uint8]

MARGIN = 1.1  # side of a crop in sides of the largest seed
ROUNDING = 0.3  # pixels of the scan by which outlines are smoothed in the photo
DOUBTFUL = 0.5  # intersection over union of the outlines; of the usual pair of one tray it is more
LEAST_AGREEMENT = 0.35  # of a single pair
PHOTO_PIXELS = 2_500_000  # a photo is segmented at about this size


@dataclass(frozen=True)
class _Partner:
    """A seed's place in the photo: its number there, and scan x, y -> photo x, y."""

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
    _partners: Mapping[int, _Partner]
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

    def crop(
        self, number: int, side: int, *, background: Literal["blank", "keep"] = "blank"
    ) -> tuple[Values, Rgb | None]:
        """Both views of the square around a seed, the scan's way up.

        Args:
            number: The seed.
            side: Of the square, in pixels of the scan.
            background: `blank` leaves the seed alone (spectra 0, RGB white around it), `keep`
                takes away other seeds only.

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
                int(n): _Partner(int(other), matrix)
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
        scale = math.sqrt(abs(np.linalg.det(partner.matrix[:2, :2])))
        size = max(1, round(side * scale))
        along = (np.arange(size) + 0.5) * side / size - 0.5
        x, y = np.meshgrid(columns.start + along, rows.start + along)
        places = mapped(partner.matrix, np.column_stack([x.ravel(), y.ravel()]))
        at = places[:, ::-1].T.reshape(2, size, size)  # rows and columns of the photo
        # Only the part that is needed: the photo may be large.
        low = np.maximum(np.floor(at.min(axis=(1, 2))).astype(int) - 2, 0)
        high = np.minimum(np.ceil(at.max(axis=(1, 2))).astype(int) + 3, self.photo.shape[:2])
        if (low >= high).any():
            return np.ones((size, size, 3), np.float32)
        window = (slice(low[0], high[0]), slice(low[1], high[1]))
        at = at - low[:, None, None]
        part = self.photo[window].astype(np.float32) / np.float32(255)
        channels = [
            ndimage.map_coordinates(part[:, :, i], at, order=1, mode="constant", cval=1.0)
            for i in range(3)
        ]
        rgb: Rgb = np.clip(np.stack(channels, axis=-1), 0, 1).astype(np.float32)
        labels = nearest(self._photo_labels, places[:, ::-1], self._photo_factor)
        labels = labels.reshape(size, size)
        seen = smooth_mask(self._labels, number, rows, columns, size)
        labels = joined(labels, partner.number, seen, ROUNDING * scale)
        rgb[around(labels, partner.number, background)] = 1
        return rgb


def read_tray(cube: Cube, photo: Photo | None, *, pairing: Pairing = "register") -> Tray:
    """Finds the seeds of a tray, and their partners in a photo of it.

    Args:
        cube: The scan; read once, a block of lines at a time.
        photo: [H, W, 3] uint8: the same tray by an RGB camera, from any side; or None.
        pairing: By place (`register`), by reading order (`order`), or only the largest whole
            thing of either view (`largest`: one seed, photographed by two cameras).

    Raises:
        DataError: The scan cannot be read, or scan and photo do not fit.
    """
    seen = preview(cube)
    scan = enlarged(segment(seen.groups), seen.factor, (cube.lines, cube.samples))
    notes: list[str] = []
    if seen.factor > 1:
        notes.append(f"outlines were found at 1/{seen.factor} of the scan's resolution")
    if scan.dropped and pairing != "largest":
        notes.append(f"{scan.dropped} specks too small for a seed were left out")
    factor = 1 if photo is None else _reduction(photo)
    other = None if photo is None else _segmented(photo, factor)
    alone = pairing == "largest"
    if alone:
        scan = _largest(scan)
        other = None if other is None else _largest(other)
        pairing = "order"
    partners: dict[int, _Partner] = {}
    if other is not None and scan.objects:
        partners, told = _paired(scan, other, pairing)
        notes += told
    if other is not None and partners and not alone:
        partners, told = _agreeing(scan, other, partners, pairing)
        notes += told
    objects = scan.objects if other is None else _seen_twice(scan, other, partners)
    larger = np.diag([factor, factor, 1.0])
    larger[:2, 2] = (factor - 1) / 2  # the middle of a pixel of the reduced photo
    partners = {n: replace(p, matrix=larger @ p.matrix) for n, p in partners.items()}
    return Tray(
        cube,
        photo,
        objects,
        tuple(notes),
        scan.labels,
        None if other is None else other.labels,
        factor,
        () if other is None else other.objects,
        partners,
        seen.colour,
        seen.bands,
        np.stack([seen.low, seen.high]),
    )


def _agreeing(
    scan: Segmentation, photo: Segmentation, partners: dict[int, _Partner], pairing: Pairing
) -> tuple[dict[int, _Partner], list[str]]:
    """Pairs whose outlines lie on each other; seeds of another tray may lie in like places.

    Raises:
        DataError: Registered outlines hardly agree: the photo shows something else.
    """
    theirs = {found.number: found for found in photo.objects}
    agreement = {}
    for found in scan.objects:
        partner = partners.get(found.number)
        if partner is None:
            continue
        top, left, bottom, right = found.box
        rows, columns = np.nonzero(scan.labels[top:bottom, left:right] == found.number)
        pixels = np.column_stack([columns + left, rows + top]).astype(np.float64)
        places = mapped(partner.matrix, pixels)
        shown = nearest(photo.labels, places[:, ::-1], 1) == partner.number
        scale = abs(float(np.linalg.det(partner.matrix[:2, :2])))
        ratio = theirs[partner.number].area / max(found.area * scale, 1e-9)
        both = float(shown.mean()) if len(shown) else 0.0
        agreement[found.number] = both / max(1 + ratio - both, 1e-9)
    usual = float(np.median(list(agreement.values())))
    told = f"outlines of scan and photo agree by {100 * usual:.0f} % (usual: 70 to 95 %)"
    if pairing == "order":
        return partners, [f"{told}: is it this tray's photo?"] if usual < DOUBTFUL else []
    if usual < DOUBTFUL:
        raise DataError(
            f"{told}; does the photo show this tray? Take the photo away to import without it, or "
            "use --pairing order"
        )
    return {n: p for n, p in partners.items() if agreement[n] >= LEAST_AGREEMENT}, []


def _seen_twice(
    scan: Segmentation, photo: Segmentation, partners: Mapping[int, _Partner]
) -> tuple[Found, ...]:
    """The scan's objects with the flags that the photo, which shows more, adds to them."""
    touching = {f.number for f in photo.objects if "touching" in f.flags}
    more = {n for n, partner in partners.items() if partner.number in touching}
    taken = {partner.number for partner in partners.values()}
    if partners:
        # Two seeds that the scan shows as one: the second has no partner, but lies in the first's.
        back = np.asarray(np.linalg.inv(next(iter(partners.values())).matrix), np.float64)
        alone = [f.centroid[::-1] for f in photo.objects if f.number not in taken]
        for x, y in np.rint(mapped(back, np.array(alone).reshape(-1, 2))).astype(int).tolist():
            if 0 <= y < scan.labels.shape[0] and 0 <= x < scan.labels.shape[1]:
                more.add(int(scan.labels[y, x]))
    return tuple(
        replace(
            found,
            flags=(
                *found.flags,
                *(["touching"] if found.number in more and "touching" not in found.flags else []),
                *(["unpaired"] if found.number not in partners else []),
            ),
        )
        for found in scan.objects
    )


def _reduction(photo: Photo) -> int:
    return max(1, round(math.sqrt(photo.shape[0] * photo.shape[1] / PHOTO_PIXELS)))


def _segmented(photo: Photo, factor: int) -> Segmentation:
    """What lies in a photo, in the pixels of the photo at 1 / factor of its size."""
    height, width = photo.shape[0] // factor, photo.shape[1] // factor
    small = np.empty((height, width, 3), np.float32)
    for row in range(height):  # a line at a time: as float32 a large photo would be large indeed
        lines = photo[row * factor : (row + 1) * factor, : width * factor]
        small[row] = lines.reshape(factor, width, factor, 3).mean(axis=(0, 2))
    return segment(small)


def _paired(
    scan: Segmentation, photo: Segmentation, pairing: Pairing
) -> tuple[dict[int, _Partner], list[str]]:
    few = min(len(scan.objects), len(photo.objects)) < 3
    if pairing == "register" and not (few and len(scan.objects) == len(photo.objects)):
        found = register(scan, photo)
        return {n: _Partner(o, found.matrix) for n, o in found.partner.items()}, list(found.notes)
    pairs = pair_by_order(scan, photo)
    ours = {f.number: f for f in scan.objects}
    theirs = {f.number: f for f in photo.objects}
    ratios = [theirs[o].area / ours[n].area for n, o in pairs.items()]
    scale = math.sqrt(float(np.median(ratios)))
    partners = {}
    for n, o in pairs.items():
        middles = [_middle(found.box) for found in (ours[n], theirs[o])]
        matrix = np.diag([scale, scale, 1.0])
        matrix[:2, 2] = middles[1] - scale * middles[0]
        partners[n] = _Partner(o, matrix)
    return partners, []


def _middle(box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """x, y of the middle of a box."""
    top, left, bottom, right = box
    return np.array([(left + right - 1) / 2, (top + bottom - 1) / 2])


def _largest(part: Segmentation) -> Segmentation:
    """With the largest object that is not cut by the border (or the largest, if all are)."""
    if not part.objects:
        return part
    inner = [found for found in part.objects if "cut" not in found.flags]
    chosen = max(inner or part.objects, key=lambda found: found.area)
    labels = np.where(part.labels == chosen.number, 1, 0).astype(np.int32)
    return replace(part, labels=labels, objects=(replace(chosen, number=1),))


def _as_rows(objects: tuple[Found, ...]) -> NDArray[np.float64]:
    rows = [[f.number, *f.box, f.area, *f.centroid] for f in objects]
    return np.array(rows, np.float64).reshape(-1, 8)


def _from_rows(rows: NDArray[np.float64], flags: list[tuple[str, ...]]) -> tuple[Found, ...]:
    return tuple(
        Found(int(n), (int(t), int(le), int(b), int(r)), int(area), (y, x), flag)
        for (n, t, le, b, r, area, y, x), flag in zip(rows.tolist(), flags, strict=True)
    )
