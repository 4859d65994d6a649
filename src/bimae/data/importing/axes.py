"""Where bare arrays have their bands: told by all files together, rather than one by one."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from bimae.data.cubes.array_files import ARRAY_SUFFIXES, list_arrays
from bimae.data.importing.items import Item
from bimae.errors import DataError

LOOKED_AT = 200  # files; only their headers are read

_Shape = tuple[int, ...]


def common_axis(items: Sequence[Item]) -> Literal["first", "last"] | None:
    """The axis that is equally long in all files while the image's sizes are not.

    Crops of seeds differ in size, but all have the sensor's bands: whatever one file's shape looks
    like, [20, 30, 20] among [20, 22, 26] and [20, 18, 31] has its bands first. A few files that
    do not fit the others (of another sensor, damaged) do not decide for all.

    Returns:
        `first` or `last`; None where the files do not tell, and each is read by its own shape.
    """
    shapes = _shapes(items)
    if len(shapes) < 2:
        return None
    first, last = _is_common(shapes, 0), _is_common(shapes, 2)
    if last and not first:
        # Squares of one size under differing numbers of bands are no crops of differing height.
        squares = sum(s[1] == s[2] != s[0] for s in shapes)
        return None if squares > len(shapes) / 2 else "last"
    if first and not last:
        # Two sensors over images of one size look like this too, except that an image of bands
        # first varies in both directions, and is not as high as it has bands.
        squares = sum(s[0] == s[1] != s[2] for s in shapes)
        vary = _varies(shapes, 1) and _varies(shapes, 2)
        return "first" if vary and squares < len(shapes) / 2 else None
    return None


def axis_note(items: Sequence[Item], band_axis: str) -> str | None:
    """What a person should know where all files together say which axis the bands are.

    Args:
        items: What is imported.
        band_axis: The axis that was read as the bands.

    Returns:
        A line; None where the files do not tell, or where something else was asked for.
    """
    if (axis := common_axis(items)) is None or axis != band_axis:
        return None
    ((count, _),) = Counter(s[0 if axis == "first" else 2] for s in _shapes(items)).most_common(1)
    return (
        f"the {axis} axis of the bare arrays is taken as the bands: most files have {count} there, "
        "while their other axes differ (--band-axis, if that is wrong)"
    )


def _shapes(items: Sequence[Item]) -> list[_Shape]:
    arrays = [item.hs for item in items if item.hs.suffix.lower() in ARRAY_SUFFIXES]
    shapes: list[_Shape] = []
    for path in arrays[:: max(1, len(arrays) // LOOKED_AT)][:LOOKED_AT]:
        with suppress(DataError):  # told when the file is read
            found = [a.shape for a in list_arrays(path) if len(a.shape) == 3]
            if len(found) == 1:
                shapes.append(found[0])
    return shapes


def _is_common(shapes: Sequence[_Shape], axis: int) -> bool:
    """True where all files, but for a few odd ones among many, are equally long."""
    ((_, most),) = Counter(shape[axis] for shape in shapes).most_common(1)
    # Of three files, one that differs is too much of a share to be called odd.
    odd = max(1, len(shapes) // 10) if len(shapes) > 3 else 0
    return len(shapes) - most <= odd


def _varies(shapes: Sequence[_Shape], axis: int) -> bool:
    """True where an axis is as a size of crops is: two lengths among many files are two sensors."""
    return len({shape[axis] for shape in shapes}) >= min(3, 1 + len(shapes) // 2)
