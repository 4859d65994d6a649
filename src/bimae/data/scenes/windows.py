"""Windows of a scene: around its labelled pixels, or in a grid without labels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from bimae.data.sample import Sample
from bimae.data.scenes.blocks import SPLITS, SpatialSplit, spatial_blocks
from bimae.data.scenes.scene import Scene
from bimae.data.scenes.views import check_sizes, cut_views, cut_window
from bimae.errors import ConfigError, DataError


class LabelledWindows(Sequence[Sample]):
    """The samples of a labelled scene, cut when they are asked for: train, then val, then test.

    Attributes:
        split: The split of the scene's pixels.
        sizes: Samples by split name, in that order; 0 where a split has none.
        counts: Samples by split and class name, for every class of the label image; a class with
            none in a split has 0.
    """

    def __init__(
        self,
        scene: Scene,
        labels: NDArray[Any],
        split: SpatialSplit,
        names: Mapping[int, str],
        *,
        rgb_size: int,
        prefix: str = "",
    ) -> None:
        """Use `labelled_windows`, which checks what is given here."""
        self.split = split
        centres = [np.argwhere(split.split == number) for number in range(len(SPLITS))]
        self.sizes = {name: len(found) for name, found in zip(SPLITS, centres, strict=True)}
        self.counts = {name: dict.fromkeys(names.values(), 0) for name in SPLITS}
        for split_name, found in zip(SPLITS, centres, strict=True):
            numbers, times = np.unique(labels[found[:, 0], found[:, 1]], return_counts=True)
            for number, n in zip(numbers.tolist(), times.tolist(), strict=True):
                self.counts[split_name][names[number]] += n
        self._centres = np.concatenate(centres)
        self._scene, self._labels, self._names = scene, labels, names
        self._rgb_size, self._prefix = rgb_size, prefix

    def __len__(self) -> int:
        return len(self._centres)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Cuts a sample, or a list of samples; IndexError where there is none."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row, column = (int(n) for n in self._centres[index])
        size = self.split.window
        top, left = row - size // 2, column - size // 2
        return Sample(
            id=f"{self._prefix}r{row:03d}c{column:03d}",
            label=self._names[int(self._labels[row, column])],
            group=self._prefix + self.split.group(row, column),
            rgb=self._scene.own_rgb_of((left, top, left + size, top + size), self._rgb_size),
            hs=np.ascontiguousarray(cut_window(self._scene.cube, top, left, size)),
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of each sample: train, val or test."""
        return tuple(name for name, size in self.sizes.items() for _ in range(size))

    def of(self, split: str) -> Iterator[Sample]:
        """Cuts the samples of one split (train, val or test), in order."""
        first = sum(self.sizes[name] for name in SPLITS[: SPLITS.index(split)])
        return (self[first + i] for i in range(self.sizes[split]))


def labelled_windows(
    scene: Scene,
    labels: NDArray[Any],
    *,
    class_names: Mapping[int, str] | Sequence[str] | None = None,
    window: int,
    block: int,
    fractions: tuple[float, float, float] = (0.6, 0.1, 0.3),
    seed: int = 0,
    rgb_size: int,
    several: bool = False,
) -> LabelledWindows:
    """A sample for each labelled pixel whose window lies within one block of ground.

    A sample has the class of the pixel in its middle, the id `r012c034` (its row and column) and
    the group `block-01-02`. Spectra are the window's own pixels; RGB is that ground, resampled to
    `rgb_size`. Windows of different splits share no pixel of the cube and none of the RGB image,
    see `spatial_blocks`.

    Args:
        scene: What to cut from.
        labels: [H, W] whole numbers, one for each pixel of the cube; 0 is unlabelled.
        class_names: Names by number, or names of the numbers 1, 2, ... in order; `class-01` and
            so on by default. Every number in `labels` must have one. Two numbers may share a name.
        window: Side of the windows in spectral pixels, odd.
        block: Side of the blocks that belong to one split as a whole, at least `window`.
        fractions: Shares of train, val and test; they add up to 1.
        seed: Of the split.
        rgb_size: Side of the RGB images in pixels.
        several: Whether the data set has other scenes: ids and groups then begin with the scene's
            name, `plot3-r012c034` and `plot3-block-01-02`.

    Returns:
        The samples, with their splits and counts. A split can be empty where blocks are few.

    Raises:
        DataError: `labels` do not fit the cube or are no whole numbers from 0, a class has no
            name, window and block have no sense, no labelled pixel is left, or the RGB image has
            no pixel of its own for a window.
        ConfigError: `rgb_size` cannot be used.
    """
    check_sizes(rgb_size=rgb_size)
    _check_labels(scene, labels)
    names = _names(scene, labels, class_names)
    split = spatial_blocks(labels, window=window, block=block, fractions=fractions, seed=seed)
    if window * min(scene.rgb_scale) < 1:
        raise scene.too_coarse(window)
    prefix = f"{scene.name}-" if several else ""
    return LabelledWindows(scene, labels, split, names, rgb_size=rgb_size, prefix=prefix)


def grid_windows(
    scene: Scene,
    side: int,
    stride: int,
    *,
    group: str | None = None,
    rgb_size: int,
    hs_size: int | None = None,
) -> Iterator[Sample]:
    """Unlabelled windows of a scene, row by row, for pretraining.

    Their ids are `plot3-x02y14`: the scene's name and the left and top pixel. The windows cover
    all of the scene but a rest at the right and the bottom, also ground that is tested on
    elsewhere: leave out scenes that hold samples of val or test.

    Args:
        scene: What to cut from.
        side: Of a window, in spectral pixels.
        stride: From one window to the next, in spectral pixels; windows overlap below `side`.
        group: Group of the samples; the scene's name by default, since windows that overlap must
            not be torn apart.
        rgb_size: Side of the RGB images in pixels (bilinear).
        hs_size: Side of the spectral images in pixels (the nearest pixel); by default `side`: the
            window's own pixels.

    Returns:
        The samples, each cut when its turn comes.

    Raises:
        DataError: No window of this side lies within the scene.
        ConfigError: A size or the stride is below 1.
    """
    hs_size = side if hs_size is None else hs_size
    check_sizes(side=side, stride=stride, rgb_size=rgb_size, hs_size=hs_size)
    if side > min(scene.height, scene.width):
        raise DataError(
            f"{scene.name}: windows of {side} pixels for a scene of {scene.height}x{scene.width}; "
            "choose smaller windows"
        )

    def samples() -> Iterator[Sample]:
        for top in range(0, scene.height - side + 1, stride):
            for left in range(0, scene.width - side + 1, stride):
                window = (float(left), float(top), float(left + side), float(top + side))
                view, cube = cut_views(scene, window, rgb_size=rgb_size, hs_size=hs_size)
                name = f"{scene.name}-x{left:02d}y{top:02d}"
                yield Sample(name, None, scene.name if group is None else group, view, cube)

    return samples()


def _check_labels(scene: Scene, labels: NDArray[Any]) -> None:
    if labels.shape != (scene.height, scene.width):
        raise DataError(
            f"{scene.name}: labels of {'x'.join(map(str, labels.shape))} pixels for a cube of "
            f"{scene.height}x{scene.width}; one label per pixel is expected: give the ground "
            "truth of this cube"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        low = f" with values from {labels.min()}" if labels.dtype.kind == "i" else ""
        raise DataError(
            f"{scene.name}: labels are {labels.dtype}{low}, expected whole numbers, 0 where "
            "unlabelled and classes from 1: convert them"
        )


def _names(
    scene: Scene, labels: NDArray[Any], given: Mapping[int, str] | Sequence[str] | None
) -> dict[int, str]:
    """Name of each class number of the label image, in the order of the numbers."""
    numbers = [int(n) for n in np.unique(labels) if n != 0]
    if given is None:
        return {n: f"class-{n:02d}" for n in numbers}
    if isinstance(given, str):
        raise ConfigError(f"class_names is the text {given!r}; a list of names is expected")
    known = given if isinstance(given, Mapping) else dict(enumerate(given, start=1))
    nameless = [n for n in numbers if not known.get(n)]
    if nameless:
        raise DataError(
            f"{scene.name}: labels have class {', '.join(map(str, nameless))}, but names are "
            f"given for {', '.join(map(str, sorted(known))) or 'none'}: complete the class names"
        )
    return {n: known[n] for n in numbers}
