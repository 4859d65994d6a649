"""Looks at the first scans or photos: does each hold one seed, or is it a tray of them?"""

from bimae.data.importing.items import Item
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.tray_items import count_objects, forget_look
from bimae.errors import BimaeError

MANY = 4  # objects on a photo of one seed; fewer may be its shadow, or what it lies on
PROBED = 3  # scans looked at to tell trays from single seeds


def tray_told(items: list[Item], settings: ImportSettings) -> str:
    """Why scans are taken for trays: the first ones hold several seeds each; empty if they do not.

    Args:
        items: Scans or photos, each of one seed as far as is known.
        settings: How they are read.
    """
    if (seen := _first_with(2, items, settings)) is None:
        return ""
    item, found = seen
    single = "--layout photos" if item.photo else "--layout cubes or --layout folders"
    return (
        f"{item.hs.name} holds {found} objects, so these are trays to be cut apart (if each file "
        f"is one seed, say {single})"
    )


def many_on_a_photo(items: list[Item], settings: ImportSettings) -> list[str]:
    """A line where photos that are said to be of one seed each look like trays.

    Args:
        items: The photos.
        settings: How they are read.
    """
    seen = _first_with(MANY, items, settings)
    forget_look()
    if seen is None:
        return []
    return [
        f"{seen[0].hs.name} seems to hold {seen[1]} objects, but --layout photos takes each photo "
        "for one seed, framed as it was taken; to cut seeds out of photos of trays say --layout "
        "tray"
    ]


def _first_with(least: int, items: list[Item], settings: ImportSettings) -> tuple[Item, int] | None:
    """The first of some scans that holds so many objects; one that cannot be read has no say."""
    step = max(1, len(items) // PROBED)
    for item in items[::step][:PROBED]:
        try:
            found = count_objects(item, settings, alone=len(items) == 1)
        except BimaeError:
            continue
        if found >= least:
            return item, found
    return None
