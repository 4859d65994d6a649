"""Looks at the first scans or photos: does each hold one seed, or is it a tray of them?"""

from collections.abc import Iterator

from bimae.data.importing.items import Item
from bimae.data.importing.readers import open_scan
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.tray_items import count_objects, forget_look
from bimae.errors import BimaeError, DataError

MANY = 4  # objects on a photo of one seed; fewer may be its shadow, or what it lies on
WIDE = 128  # pixels: a single scan as wide shows its seed's surroundings, or it is a tray
PROBED = 3  # scans looked at to tell trays from single seeds


def tray_told(items: list[Item], settings: ImportSettings) -> str:
    """Why scans are taken for trays: the first ones hold several seeds each; empty if they do not.

    Args:
        items: Scans or photos, each of one seed as far as is known.
        settings: How they are read.

    Raises:
        DataError: There is but one scan, wide enough for a tray, and nothing lies on it.
    """
    for item, found in _seen(items, settings):
        if found > 1:
            single = "--layout photos" if item.photo else "--layout cubes or --layout folders"
            return (
                f"{item.hs.name} holds {found} objects, so these are trays to be cut apart (if "
                f"each file is one seed, say {single})"
            )
        if not found and len(items) == 1:
            _check_small(item, settings)
    return ""


def many_on_a_photo(items: list[Item], settings: ImportSettings) -> list[str]:
    """A line where photos that are said to be of one seed each look like trays.

    Args:
        items: The photos.
        settings: How they are read.
    """
    seen = next((one for one in _seen(items, settings) if one[1] >= MANY), None)
    forget_look()
    if seen is None:
        return []
    return [
        f"{seen[0].hs.name} seems to hold {seen[1]} objects, but --layout photos takes each photo "
        "for one seed, framed as it was taken; to cut seeds out of photos of trays say --layout "
        "tray"
    ]


def _check_small(item: Item, settings: ImportSettings) -> None:
    """Refuses a wide scan on which nothing is seen: an empty tray would pass for one large seed."""
    cube = open_scan(item, settings)
    if min(cube.lines, cube.samples) < WIDE:
        return
    forget_look()
    single = "photos" if item.photo else "cubes"
    raise DataError(
        f"{item.hs}: no seed is seen on its {cube.samples}x{cube.lines} pixels, nothing stands out "
        f"from the background: is the tray empty, or the picture too dark? If one seed fills it, "
        f"say --layout {single}"
    )


def _seen(items: list[Item], settings: ImportSettings) -> Iterator[tuple[Item, int]]:
    """How many objects the first scans hold; one that cannot be read has no say."""
    step = max(1, len(items) // PROBED)
    for item in items[::step][:PROBED]:
        try:
            yield item, count_objects(item, settings, alone=len(items) == 1)
        except BimaeError:
            continue
