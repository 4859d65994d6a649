"""A batch as it is stored, and the views that a model makes of it.

Images stay bytes until somebody asks for pixels, and then only those that are asked for become
numbers: a pretraining step looks at 84 of 300 bands and at 40 of 64 tiles. Every operation runs
where the batch lies, so that a GPU is sent bytes and does the rest.

Shapes: B batch, n channels (bands, or averages of bands), S side of a spectral image, H side of the
RGB image, K picked bands or tiles, P side of a tile.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Which part of a step's samples a batch holds, where several processes share the step.

    Attributes:
        start: The first of them.
        stop: The one after the last; a process that has nothing to do holds one sample all the
            same, since all must take part, and `stop` is `start`.
        whole: Samples of the step in all processes.
    """

    start: int
    stop: int
    whole: int


@dataclass(frozen=True)
class Batch:
    """Samples as they are stored; a view that is not looked at is None.

    Attributes:
        index: [B] place of each sample in its data set.
        hs: [B, n, S, S] spectra as stored, uint8 or float32, bands first.
        low: [B, 1, S, S] least value of each pixel, or None where `hs` is scaled already.
        factor: [B, 1, S, S] float32, one over each pixel's range; 0 where it has none.
        rgb: [B, H, H, 3] uint8, or float32 in [0, 1].
        turns: [B, 2] whether each sample is turned upside down, and left to right; None: none is.
        label: [B] class numbers, or None where no classes were asked for.
        share: What part of the step this is; None: all of it.
    """

    index: Tensor
    hs: Tensor | None = None
    low: Tensor | None = None
    factor: Tensor | None = None
    rgb: Tensor | None = None
    turns: Tensor | None = None
    label: Tensor | None = None
    share: Share | None = None

    def __len__(self) -> int:
        return len(self.index)

    def part(self, where: slice) -> "Batch":
        """Some of the samples, without a copy."""
        return self._map(lambda tensor: tensor[where])

    def take(self, rows: Tensor) -> "Batch":
        """Some of the samples [K], copied."""
        return self._map(lambda tensor: tensor.index_select(0, rows))

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        values = (getattr(self, field.name) for field in fields(self))
        return sum(value.nbytes for value in values if isinstance(value, Tensor))

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """The batch on another device; Lightning calls it."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory, which a GPU can fetch by itself."""
        return self._map(Tensor.pin_memory)

    def images(self) -> tuple[Tensor | None, Tensor | None]:
        """Both views whole: `spectra()` and `pictures()`, or None for one that was not read."""
        return (
            None if self.hs is None else self.spectra(),
            None if self.rgb is None else self.pictures(),
        )

    def spectra(self, bands: Tensor | None = None) -> Tensor:
        """Spectral images, scaled to [0, 1] per pixel and turned: [B, n or K, S, S] float32.

        Args:
            bands: [B, K] which channels of each sample; default: all, in order.
        """
        assert self.hs is not None, "this batch was read without spectra"
        images = self.hs if bands is None else _rows(self.hs, bands)
        # turned as bytes, a quarter of the memory of the numbers
        images = _turn(images, self.turns, (2, 3), fresh=bands is not None).float()
        if self.low is None or self.factor is None:
            return images
        low, factor = (_turn(t, self.turns, (2, 3)) for t in (self.low, self.factor))
        if images.data_ptr() == self.hs.data_ptr():  # float32 as stored: not ours to write to
            return (images - low) * factor
        return images.sub_(low).mul_(factor)

    def pictures(self) -> Tensor:
        """RGB images in [0, 1], turned: [B, 3, H, H] float32; channels lie last in memory."""
        assert self.rgb is not None, "this batch was read without RGB images"
        return _unit(_turn(self.rgb, self.turns, (1, 2))).permute(0, 3, 1, 2)

    def tiles(self, tiles: Tensor, patch_size: int) -> Tensor:
        """Tiles of the RGB images in [0, 1], turned: [B, K, P * P * 3] float32.

        Args:
            tiles: [B, K] which tiles of each sample; tiles are counted row by row.
            patch_size: Side P of a tile in pixels.
        """
        assert self.rgb is not None, "this batch was read without RGB images"
        side = self.rgb.shape[1]
        grid, size = side // patch_size, patch_size
        row, column = tiles // grid, tiles % grid
        if self.turns is not None:  # tile (0, 0) of a turned image is cut from the far corner
            row = torch.where(self.turns[:, :1], grid - 1 - row, row)
            column = torch.where(self.turns[:, 1:], grid - 1 - column, column)
        # Runs of P pixels lie together: taken as rows of P * 3 values, they are copied whole.
        line = torch.arange(size, device=tiles.device) * grid
        runs = (row * (size * grid) + column).unsqueeze(-1) + line  # [B, K, P]
        found = _rows(self.rgb.reshape(len(self), side * grid, size * 3), runs.flatten(1))
        found = found.view(len(self), -1, size, size, 3)
        found = _turn(found, self.turns, (2, 3), fresh=True)
        return _unit(found).flatten(2)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {k: change(v) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **changed)


def _rows(images: Tensor, rows: Tensor) -> Tensor:
    """[B, N, ...] at `rows` [B, K]: [B, K, ...], copied row by row."""
    count, total = images.shape[:2]
    first = torch.arange(count, device=rows.device).unsqueeze(1) * total
    flat = images.reshape(count * total, -1).index_select(0, (rows + first).flatten())
    return flat.view(count, rows.shape[1], *images.shape[2:])


def _turn(
    images: Tensor, turns: Tensor | None, axes: tuple[int, int], *, fresh: bool = False
) -> Tensor:
    """Each image upside down, left to right, or both, as `turns` [B, 2] say; `axes` of the batch.

    Args:
        images: [B, ...]
        turns: What to do with each; None: nothing.
        axes: Axes of rows and columns.
        fresh: Whether `images` may be written to.
    """
    if turns is None:
        return images
    if images.device.type != "cpu":  # one shape for every batch, which a graph can record
        for which, axis in enumerate(axes):
            chosen = turns[:, which].view(-1, *[1] * (images.dim() - 1))
            images = torch.where(chosen, images.flip(axis), images)
        return images
    images = images if fresh else images.clone()
    for image, turn in zip(images, turns.tolist(), strict=True):
        if any(turn):
            image.copy_(image.flip([a - 1 for a, chosen in zip(axes, turn, strict=True) if chosen]))
    return images


def _unit(rgb: Tensor) -> Tensor:
    """uint8 to float32 in [0, 1]; float32 as it is."""
    return rgb if rgb.dtype is torch.float32 else rgb.float().div_(255)
