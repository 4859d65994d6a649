"""What the columns of a table of boxes mean, whatever they are called."""

from collections.abc import Sequence

SCENE, RGB, LABEL, GROUP, ID, SPLIT = "scene", "path_rgb", "label", "group", "id", "split"
LEFT, TOP, RIGHT, BOTTOM = "left", "top", "right", "bottom"
WIDTH, HEIGHT = "width", "height"

ALIASES = {
    SCENE: ("scene", "path_hs", "hs", "cube", "image", "image_path", "file", "filename"),
    RGB: ("path_rgb", "rgb", "rgb_path"),
    LEFT: ("left", "x0", "xmin", "x_min", "x"),
    TOP: ("top", "y0", "ymin", "y_min", "y"),
    RIGHT: ("right", "x1", "xmax", "x_max"),
    BOTTOM: ("bottom", "y1", "ymax", "y_max"),
    WIDTH: ("width", "w"),
    HEIGHT: ("height", "h"),
    LABEL: ("label", "class", "species", "taxon"),
    GROUP: ("group",),
    ID: ("id",),
    SPLIT: ("split",),
}
"""Names that a column may have, without regard to case; other columns are left alone."""

_MEANING = {name: meaning for meaning, names in ALIASES.items() for name in names}
_NEEDED = ((SCENE,), (LEFT,), (TOP,), (RIGHT, WIDTH), (BOTTOM, HEIGHT))


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Number of the column that has each meaning; `width` and `height` only where they are needed.

    Many tables have the size of the whole image as `width` and `height` beside `xmin` to `ymax`:
    where there is a right edge, `width` is not read.

    Args:
        header: Names of the columns.

    Raises:
        ValueError: A column that is needed is missing, or two mean the same; says which.
    """
    found: dict[str, int] = {}
    for number, name in enumerate(header):
        meaning = _MEANING.get(name.strip().lower())
        if meaning is None:
            continue
        if meaning in found:
            raise ValueError(
                f"columns {header[found[meaning]]!r} and {name!r} both mean the {meaning}: keep one"
            )
        found[meaning] = number
    missing = [choice for choice in _NEEDED if not any(meaning in found for meaning in choice)]
    if missing:
        wanted = ", ".join(" or ".join(ALIASES[m][0] for m in choice) for choice in missing)
        raise ValueError(
            f"found columns {', '.join(header)}; no column for {wanted}: give each edge of the "
            "boxes in spectral pixels and the scene's file"
        )
    for edge, size in ((RIGHT, WIDTH), (BOTTOM, HEIGHT)):
        if edge in found:
            found.pop(size, None)
    return found
