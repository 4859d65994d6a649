"""A scan of many seeds, and perhaps a photo of them: the seeds found in both, and paired."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Cube
from bimae.data.trays.cut import Partner, Photo, Tray
from bimae.data.trays.masks import nearest
from bimae.data.trays.preview import Preview, preview
from bimae.data.trays.register import LEAST_SHARE, mapped, pair_by_order, register
from bimae.data.trays.segment import Found, Segmentation, enlarged, segment
from bimae.errors import DataError

Pairing = Literal["register", "order", "largest"]

DOUBTFUL = 0.5  # intersection over union of the outlines; of the usual pair of one tray it is more
LEAST_AGREEMENT = 0.35  # of a single pair
WHICH_PHOTO = (
    "does the photo show this tray? Take the photo away to import without it, or use --pairing "
    "order"
)
PHOTO_PIXELS = 2_500_000  # a photo is segmented at about this size
REDUCED_PIXELS = 200_000  # of a photo are made smaller at a time: they stay in the cache


@dataclass(frozen=True, eq=False)
class Look:
    """What is seen on a scan alone.

    Attributes:
        seen: The scan from afar.
        scan: What lies on it, in the pixels of the whole scan.
        reduced: By how much the scan was made smaller for that.
    """

    seen: Preview
    scan: Segmentation
    reduced: int = 1


@dataclass(frozen=True, eq=False)
class PhotoLook:
    """What is seen on a photo alone.

    Attributes:
        photo: [H, W, 3] uint8.
        factor: By which it was made smaller.
        seen: What lies on it, in the pixels of the smaller photo.
    """

    photo: Photo
    factor: int
    seen: Segmentation


def look_at(cube: Cube) -> Look:
    """Goes through a scan once, a block of lines at a time, and finds what lies on it.

    Raises:
        DataError: The scan cannot be read.
    """
    seen = preview(cube)
    scan = enlarged(segment(seen.groups), seen.factor, (cube.lines, cube.samples))
    return Look(seen, scan, seen.factor)


def look_at_alone(cube: Cube, photo: Photo) -> Look:
    """Finds what lies on a photo that there is no scan to, as it is found beside one.

    Args:
        cube: The photo as a scan.
        photo: [H, W, 3] uint8.
    """
    look = look_at_photo(photo)
    return Look(preview(cube), enlarged(look.seen, look.factor, (cube.lines, cube.samples)))


def look_at_photo(photo: Photo) -> PhotoLook:
    """Finds what lies on a photo [H, W, 3] uint8."""
    factor = _reduction(photo)
    return PhotoLook(photo, factor, _segmented(photo, factor))


def read_tray(
    cube: Cube,
    photo: Photo | PhotoLook | None,
    *,
    pairing: Pairing = "register",
    look: Look | None = None,
) -> Tray:
    """Finds the seeds of a tray, and their partners in a photo of it.

    Args:
        cube: The scan.
        photo: [H, W, 3] uint8: the same tray by an RGB camera, from any side; or what
            `look_at_photo` saw on it; or None.
        pairing: By place (`register`), by reading order (`order`), or only the largest whole
            thing of either view (`largest`: one seed, photographed by two cameras).
        look: What `look_at` saw on the scan; None: it is looked at here.

    Raises:
        DataError: The scan cannot be read, or scan and photo do not fit.
    """
    look = look or look_at(cube)
    seen, scan = look.seen, look.scan
    notes: list[str] = []
    if look.reduced > 1:
        notes.append(f"outlines were found at 1/{look.reduced} of the scan's resolution")
    if scan.dropped and pairing != "largest":
        notes.append(f"{scan.dropped} specks too small for a seed were left out")
    if photo is not None and not isinstance(photo, PhotoLook):
        photo = look_at_photo(photo)
    factor = 1 if photo is None else photo.factor
    other = None if photo is None else photo.seen
    alone = pairing == "largest"
    if alone:
        scan = _largest(scan)
        other = None if other is None else _largest(other)
        pairing = "order"
    partners: dict[int, Partner] = {}
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
        None if photo is None else photo.photo,
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
    scan: Segmentation, photo: Segmentation, partners: dict[int, Partner], pairing: Pairing
) -> tuple[dict[int, Partner], list[str]]:
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
        raise DataError(f"{told}; {WHICH_PHOTO}")
    kept = {n: p for n, p in partners.items() if agreement[n] >= LEAST_AGREEMENT}
    fewer = min(len(scan.objects), len(photo.objects))
    if len(kept) < LEAST_SHARE * fewer:
        raise DataError(
            f"only {len(kept)} of {fewer} seeds lie in scan and photo at the same places with the "
            f"same outlines (usual: nearly all); {WHICH_PHOTO}"
        )
    return kept, []


def _seen_twice(
    scan: Segmentation, photo: Segmentation, partners: Mapping[int, Partner]
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
    step = max(1, REDUCED_PIXELS // (factor * photo.shape[1]))
    for top in range(0, height, step):  # as float32 a large photo would be large indeed
        rows = slice(top, min(top + step, height))
        lines = photo[rows.start * factor : rows.stop * factor, : width * factor]
        # Whole numbers: their sum is exact in any order, and rounded once.
        across = np.zeros((rows.stop - rows.start, width * factor, 3), np.uint32)
        for down in range(factor):
            across += lines[down::factor]
        total = small[rows]
        total[:] = across[:, ::factor]
        for right in range(1, factor):
            total += across[:, right::factor]
        total /= np.float32(factor**2)
    return segment(small)


def _paired(
    scan: Segmentation, photo: Segmentation, pairing: Pairing
) -> tuple[dict[int, Partner], list[str]]:
    few = min(len(scan.objects), len(photo.objects)) < 3
    if pairing == "register" and not (few and len(scan.objects) == len(photo.objects)):
        found = register(scan, photo)
        return {n: Partner(o, found.matrix) for n, o in found.partner.items()}, list(found.notes)
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
        partners[n] = Partner(o, matrix)
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
