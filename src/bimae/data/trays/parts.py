"""What stands out from a tray -> connected things -> single seeds, without holes and hairs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.trays.background import Mask
from bimae.data.trays.necks import half_width, parted, solidity
from bimae.data.trays.typical import typical_area

T = TypeVar("T", bound=np.generic)

ROUNDING = 0.15  # of an object's half width: thinner things that stick out are no seed
CRUMB = 0.05  # of a thing's area: what falls off when it is rounded
RIM = 0.35  # of the tray's width: what runs along its edge for longer is the rim


@dataclass(frozen=True)
class Part:
    """One object.

    Attributes:
        top: First row of its mask in the picture.
        left: First column.
        mask: [h, w] its pixels, with a margin of one pixel unless the picture ends there.
        thing: Number of the connected thing that it was first a part of.
        flags: As in `Found`.
    """

    top: int
    left: int
    mask: Mask
    thing: int = 0
    flags: tuple[str, ...] = ()

    def window(self, array: NDArray[T], margin: int = 0) -> NDArray[T]:
        """The part of a picture on which its mask lies, with a margin as far as there is one."""
        (height, width), top, left = self.mask.shape, self.top - margin, self.left - margin
        rows = slice(max(top, 0), self.top + height + margin)
        return array[rows, max(left, 0) : self.left + width + margin]

    @cached_property
    def area(self) -> int:
        """Its pixels."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def half_width(self) -> float:
        """Radius of the largest disc that it holds, in pixels."""
        return float(half_width(self.mask).max())

    @cached_property
    def solidity(self) -> float:
        """Share of its convex hull that it fills."""
        return solidity(self.mask)

    @property
    def centroid(self) -> tuple[float, float]:
        """Row and column of its middle in the picture."""
        rows, columns = np.nonzero(self.mask)
        return self.top + float(rows.mean()), self.left + float(columns.mean())


def connected(things: Mask, region: Mask) -> list[Part]:
    """The connected things in a mask, but for what runs along the tray's edge: its rim.

    Args:
        things: [H, W] what stands out.
        region: [H, W] where the tray's floor is.
    """
    labels, _ = ndimage.label(things)
    edge = ndimage.binary_dilation(~region, iterations=2)
    longest = 2 * RIM * 2 * float(np.sqrt(region.sum() / np.pi))  # the edge is two pixels wide
    pieces = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        rows, columns = (
            slice(max(side.start - 1, 0), min(side.stop + 1, size))
            for side, size in zip(box, things.shape, strict=True)
        )
        own = labels[rows, columns] == number
        if np.count_nonzero(own & edge[rows, columns]) <= longest:
            pieces.append(Part(rows.start, columns.start, own, number))
    return pieces


def cleaned(part: Part, least: int) -> list[Part]:
    """A thing without holes and hairs; what falls off by that is a thing of its own.

    Args:
        part: The thing.
        least: Pixels of the smallest thing.
    """
    labels, count = ndimage.label(rounded(_filled(part.mask), ROUNDING))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    enough = max(least, CRUMB * sizes.max(initial=0))
    return [replace(part, mask=labels == i + 1) for i in np.flatnonzero(sizes >= enough).tolist()]


def split(parts: list[Part], least: int) -> list[Part]:
    """Things -> single seeds, see `necks.parted`."""
    typical = typical_area([part.area for part in parts])
    seeds = []
    for part in parts:
        smallest = max(least, min(0.12 * part.area, 0.25 * typical))
        masks = parted(part.mask, smallest, part.solidity)
        # A part that stays whole stays what it is: its measures are known.
        seeds += [part] if len(masks) == 1 else [replace(part, mask=mask) for mask in masks]
    return seeds


def rejoined(parts: list[Part], shape: tuple[int, int]) -> list[Part]:
    """The parts of each connected thing as one again, to be split anew along better outlines.

    Args:
        parts: All parts.
        shape: Of the picture.
    """
    by_thing: dict[int, list[Part]] = {}
    for part in parts:
        by_thing.setdefault(part.thing, []).append(part)
    whole = []
    for thing in by_thing.values():
        top, left = (min(getattr(part, side) for part in thing) for side in ("top", "left"))
        bottom = min(max(part.top + part.mask.shape[0] for part in thing), shape[0])
        right = min(max(part.left + part.mask.shape[1] for part in thing), shape[1])
        mask = np.zeros((bottom - top, right - left), dtype=bool)
        for part in thing:
            place = replace(part, top=part.top - top, left=part.left - left)
            place.window(mask)[part.mask] = True
        if len(thing) > 1:  # a cut leaves a gap
            mask |= ndimage.binary_closing(mask)
        whole.append(replace(thing[0], top=top, left=left, mask=mask))
    return whole


def rounded(mask: Mask, share: float) -> Mask:
    """The mask opened by a disc of a share of its half width: awns, hairs and slivers go."""
    inner = half_width(mask)
    radius = share * float(inner.max())
    if radius < 1:
        return mask
    return np.asarray((ndimage.distance_transform_edt(inner <= radius) <= radius + 0.5) & mask)


def _filled(mask: Mask) -> Mask:
    """Without holes, unless a hole is larger than what surrounds it: a ring of seeds stays one."""
    holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    if count == 0:
        return mask
    sizes = np.bincount(holes.ravel())
    sizes[0] = 0
    small = (sizes > 0) & (sizes <= np.count_nonzero(mask))
    return np.asarray(mask | small[holes])
