"""One sample for each box in a scene: a tree crown, a seed on a tray, a stone on a belt."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bimae.data.sample import Sample
from bimae.data.scenes.scene import Place, Scene
from bimae.data.scenes.views import check_sizes, cut_views
from bimae.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Box:
    """An object in a scene and the box around it.

    Edges are in spectral pixels from the scene's top-left corner, x to the right and y down;
    fractions are allowed, and a box may stick out of the scene.

    Attributes:
        id: Name of the object.
        label: Class name, or None.
        group: What must not be torn apart by a split, or None.
        left: Least x.
        top: Least y.
        right: Greatest x.
        bottom: Greatest y.
        where: Where the box was read, such as `boxes.csv, line 7`, for messages.
    """

    id: str
    label: str | None
    group: str | None
    left: float
    top: float
    right: float
    bottom: float
    where: str = ""

    def within(self, scene: Scene) -> Place:
        """The part of the box that lies in a scene.

        Raises:
            DataError: None does, or the box has no size.
        """
        where = f"{self.where}: " if self.where else ""
        sides = (
            f"left {self.left:g}, top {self.top:g}, right {self.right:g}, bottom {self.bottom:g}"
        )
        if not (self.left < self.right and self.top < self.bottom):
            raise DataError(
                f"{where}box {self.id!r} in scene {scene.name} has {sides}; left must be less than "
                "right and top less than bottom: correct it"
            )
        left, right = (min(max(x, 0.0), float(scene.width)) for x in (self.left, self.right))
        top, bottom = (min(max(y, 0.0), float(scene.height)) for y in (self.top, self.bottom))
        if not (left < right and top < bottom):
            raise DataError(
                f"{where}box {self.id!r} in scene {scene.name} has {sides} and lies outside, for "
                f"the scene is {scene.width} pixels wide and {scene.height} high; expected "
                "spectral pixels: correct it"
            )
        return left, top, right, bottom


def window_around(
    scene: Scene,
    place: Place,
    *,
    margin: float = 1.1,
    shortest: float | None = None,
    longest: float | None = None,
) -> Place:
    """The square window around a place.

    Its side is `margin` times the place's longer side, from `shortest` to `longest`, and at least
    one pixel and at most the scene's smaller side. It is centred on the place and then shifted
    to lie within the scene. A place longer than the window loses its ends.

    Args:
        scene: What the window lies in.
        place: A place within the scene.
        margin: Side of the window as a multiple of the longer side.
        shortest: Least side in spectral pixels, or None.
        longest: Greatest side in spectral pixels, or None.

    Returns:
        The window's edges.
    """
    x0, y0, x1, y1 = place
    side = max(margin * max(x1 - x0, y1 - y0), 1.0 if shortest is None else shortest)
    side = min(side, float(min(scene.width, scene.height)), *([] if longest is None else [longest]))
    left = min(max((x0 + x1 - side) / 2, 0.0), scene.width - side)
    top = min(max((y0 + y1 - side) / 2, 0.0), scene.height - side)
    return left, top, left + side, top + side


def box_samples(
    scene: Scene,
    boxes: Iterable[Box],
    *,
    margin: float = 1.1,
    shortest: float | None = None,
    longest: float | None = None,
    blank: bool = True,
    rgb_size: int,
    hs_size: int,
) -> Iterator[Sample]:
    """One sample for each box: both views of the square `window_around` it.

    Args:
        scene: What to cut from.
        boxes: Objects in it.
        margin: Side of the window as a multiple of the box's longer side, at least 1.
        shortest: Least side of a window in spectral pixels, or None.
        longest: Greatest side of a window in spectral pixels, or None.
        blank: Whether everything outside the box becomes background: RGB white, spectra zero, as
            in images of seeds. A box too slender to hold a pixel's centre keeps the nearest row.
        rgb_size: Side of the RGB images in pixels (bilinear).
        hs_size: Side of the spectral images in pixels (the nearest pixel: each was measured).

    Returns:
        The samples in the order of the boxes, each cut when its turn comes.

    Raises:
        DataError: A box lies outside the scene or has no size; told before anything is cut.
        ConfigError: The options contradict each other.
    """
    _check(margin, shortest, longest)
    check_sizes(rgb_size=rgb_size, hs_size=hs_size)
    placed = [(box, box.within(scene)) for box in boxes]

    def samples() -> Iterator[Sample]:
        for box, place in placed:
            window = window_around(scene, place, margin=margin, shortest=shortest, longest=longest)
            keep = place if blank else None
            view, cube = cut_views(scene, window, keep=keep, rgb_size=rgb_size, hs_size=hs_size)
            yield Sample(box.id, box.label, box.group, view, cube)

    return samples()


def _check(margin: float, shortest: float | None, longest: float | None) -> None:
    problems = []
    if not 1 <= margin < float("inf"):
        problems.append(f"margin is {margin}; it must be at least 1, such as 1.1")
    for name, side in (("shortest", shortest), ("longest", longest)):
        if side is not None and not 1 <= side < float("inf"):
            problems.append(f"{name} is {side}; it must be at least 1 spectral pixel")
    if shortest is not None and longest is not None and shortest > longest:
        problems.append(f"shortest is {shortest}, more than longest, {longest}")
    if problems:
        raise ConfigError.of(problems)
