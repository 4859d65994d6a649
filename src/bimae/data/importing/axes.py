"""Where bare arrays have their bands: told by all files together, rather than one by one."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from bimae.data.cubes.array_files import ARRAY_SUFFIXES, list_arrays
from bimae.data.importing.items import Item
from bimae.errors import DataError

LOOKED_AT = 200  # files; only their headers are read


def common_axis(items: Sequence[Item]) -> Literal["first", "last"] | None:
    """The axis that is equally long in all files while the other one is not.

    Crops of seeds differ in size, but all have the sensor's bands: whatever one file's shape looks
    like, [20, 30, 20] among [20, 22, 26] and [20, 18, 31] has its bands first.

    Returns:
        `first` or `last`; None where the files do not tell.
    """
    arrays = [item.hs for item in items if item.hs.suffix.lower() in ARRAY_SUFFIXES]
    shapes = []
    for path in arrays[:: max(1, len(arrays) // LOOKED_AT)][:LOOKED_AT]:
        with suppress(DataError):  # told when the file is read
            found = [a.shape for a in list_arrays(path) if len(a.shape) == 3]
            if len(found) == 1:
                shapes.append(found[0])
    first, last = ({shape[axis] for shape in shapes} for axis in (0, 2))
    if len(last) == 1 and len(first) > 1:
        return "last"
    return "first" if len(first) == 1 and len(last) > 1 else None
