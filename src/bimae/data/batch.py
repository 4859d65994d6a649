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

from bimae.data.completion import completed
from bimae.data.shapes import above, in_unit, level_of, whitened
from bimae.data.turns import turned


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
class Sensor:
    """What of the stored views is there: the cameras that somebody may have.

    Attributes:
        hs: Whether there is a spectral image.
        rgb: Whether there is an RGB image.
        bands: [K] which of the stored channels it has; None: all.
    """

    hs: bool = True
    rgb: bool = True
    bands: Tensor | None = None

    def to(self, device: torch.device) -> "Sensor":
        """The same with `bands` on a device."""
        return self if self.bands is None else replace(self, bands=self.bands.to(device))


WHOLE = Sensor()


@dataclass(frozen=True)
class Batch:
    """Samples as they are stored; a view that is not looked at is None.

    The images may be those of a whole data set, of which a batch is some rows: nothing is copied
    before a pixel is asked for.

    Attributes:
        index: [B] place of each sample in its data set.
        hs: [N, n, S, S] spectra as stored, uint8 or float32, bands first.
        low: [N, 1, S, S] least value of each pixel, of shapes its `level_of`; None where `hs` is
            scaled already, or whitened.
        factor: [N, 1, S, S] float32, one over each pixel's range; 0 where it has none.
        reference: [2, n] float32, for each channel what is taken off and what the rest is then
            multiplied by, where these are the same for all pixels; None: `low` and `factor` are.
        rgb: [N, H, H, 3] uint8, or float32 in [0, 1].
        rows: [B] which of the N images are each sample's; None: they are those of the samples, in
            order.
        turns: [B, 2] whether each sample is turned upside down, and left to right; None: none is.
        label: [B] class numbers, or None where no classes were asked for.
        share: What part of the step this is; None: all of it.
        factors: [n, F] shapes are whitened: by how much each of some causes moves each channel
            inside one object, in the channel's deviations. None: they are not.
        target: [C, F] all C bands of the model's sensor are made up of those that are there; then
            `factors` are of what moves channels from object to object; see `completed`.
        log_floor: The shapes of spectra are read, see `Reading`; None: values as they are.
    """

    index: Tensor
    hs: Tensor | None = None
    low: Tensor | None = None
    factor: Tensor | None = None
    reference: Tensor | None = None
    rgb: Tensor | None = None
    rows: Tensor | None = None
    turns: Tensor | None = None
    label: Tensor | None = None
    share: Share | None = None
    log_floor: float | None = None
    factors: Tensor | None = None
    target: Tensor | None = None

    def __len__(self) -> int:
        return len(self.index)

    def part(self, where: slice) -> "Batch":
        """Some of the samples, without a copy."""
        if self.rows is None:
            cut = self._map(lambda tensor: tensor[where])
            return replace(cut, reference=self.reference, factors=self.factors, target=self.target)
        own = {"index": self.index, "rows": self.rows, "turns": self.turns, "label": self.label}
        part: dict[str, Any] = {k: None if v is None else v[where] for k, v in own.items()}
        return replace(self, **part)

    def take(self, rows: Tensor) -> "Batch":
        """The samples [K] of a batch that has no `rows` of its own, without a copy."""
        own = {"index": self.index, "turns": self.turns, "label": self.label}
        cut: dict[str, Any] = {k: None if v is None else v[rows] for k, v in own.items()}
        return replace(self, rows=rows, **cut)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        values = (getattr(self, field.name) for field in fields(self))
        return sum(value.nbytes for value in values if isinstance(value, Tensor))

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """The batch on another device; Lightning calls it."""
        if device == self.index.device:
            return self
        alone = self.alone()
        # Lightning asks for a transfer beside the computing where it knows the type only.
        return alone._map(lambda t: t.to(device, non_blocking=non_blocking or t.is_pinned()))

    def alone(self) -> "Batch":
        """The batch without the images of other samples."""
        if self.rows is None:
            return self
        images = {name: getattr(self, name) for name in ("hs", "low", "factor", "rgb")}
        own: dict[str, Any] = {k: None if v is None else v[self.rows] for k, v in images.items()}
        return replace(self, rows=None, **own)

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory, which a GPU can fetch by itself."""
        return self.alone()._map(Tensor.pin_memory)

    def images(
        self, sensor: Sensor = WHOLE, *, cut: bool = True
    ) -> tuple[Tensor | None, Tensor | None]:
        """Both views whole, as a sensor sees them: None for one that it lacks or was not read.

        Args:
            sensor: What is there.
            cut: As of `spectra`.

        Returns:
            [B, n or K, S, S], scaled over the bands that are there, and [B, 3, H, H]. Where bands
            that lack are made up, all C of the model.
        """
        hs = None
        if self.hs is not None and sensor.hs:
            bands = None if sensor.bands is None else sensor.bands.expand(len(self), -1)
            hs = self.spectra(bands if self.target is None else None, over=bands, cut=cut)
        return hs, self.pictures() if self.rgb is not None and sensor.rgb else None

    def spectra(
        self, bands: Tensor | None = None, *, over: Tensor | None = None, cut: bool = True
    ) -> Tensor:
        """Spectral images, scaled to [0, 1] and turned: [B, n or K, S, S] float32.

        Args:
            bands: [B, K] which channels of each sample; default: all, in order.
            over: [B, M] scale each pixel over these channels, as a camera without others would;
                default: over all that were read, or those that the reading says. Shapes that are
                whitened need the same for all samples.
            cut: Whether what lies more than `DEVIATIONS` from the mean is cut off, where spectra
                are brought to a standard. A classifier cuts it off for its network by itself; what
                its discriminant averages is to be whole.

        Where bands that lack are made up of those of `over`, `bands` are among all C of the model.
        """
        assert self.hs is not None, "this batch was read without spectra"
        if self.factors is not None:
            return turned(self._whitened(bands, over, cut=cut), self.turns, (2, 3), own=True)
        images = self._whole(self.hs) if bands is None else self._picked(self.hs, bands)
        numbers = images.float()
        own = numbers is not self.hs  # float32 as stored is not ours to write to
        if self.reference is not None:
            least, rise = self.reference[:, :, None, None]
            if bands is not None:
                least, rise = least[bands], rise[bands]
            if self.log_floor is None:
                numbers = (numbers - least) * rise
                numbers = numbers.clamp_(0, 1) if cut else numbers
            else:
                logs = above(images, least, self.log_floor)
                same = over is not None and over is bands
                level = level_of(images, logs) if same else self._level(over)
                numbers = in_unit((logs - level).mul_(rise), cut=cut)
            own = True
        elif self.low is not None and self.factor is not None:
            if over is None:
                low, factor = self._whole(self.low), self._whole(self.factor)
            else:
                low, factor = range_of(images if over is bands else self._picked(self.hs, over))
            numbers = numbers.sub_(low) if own else numbers - low
            numbers, own = numbers.mul_(factor), True
        return turned(numbers, self.turns, (2, 3), own=own)

    def _whitened(self, bands: Tensor | None, over: Tensor | None, *, cut: bool = True) -> Tensor:
        """`spectra` [B, K, S, S] of shapes that are whitened over the channels that are there."""
        assert self.hs is not None and self.reference is not None and self.factors is not None
        assert self.log_floor is not None, "shapes are read"
        images = self._whole(self.hs) if over is None else self._picked(self.hs, over)
        usual, rise = self.reference[:, :, None, None]
        factors = self.factors
        if over is not None:
            usual, rise, factors = usual[over], rise[over], factors[over[0]]
        logs = above(images, usual, self.log_floor, exact=not cut)
        logs = logs - level_of(images, logs)
        if self.target is not None:
            found = in_unit(completed(logs, factors, self.target, exact=not cut), cut=cut).float()
            if bands is None:
                return found
            return found[torch.arange(len(found), device=bands.device)[:, None], bands]
        # whole, it is averaged by a discriminant
        found = in_unit(whitened(logs.mul_(rise), factors, exact=not cut), cut=cut).float()
        if bands is None or bands is over:
            return found
        if over is not None:  # places among those that are there
            places = torch.zeros(self.hs.shape[1], dtype=torch.long, device=bands.device)
            places[over[0]] = torch.arange(over.shape[1], device=bands.device)
            bands = places[bands]
        return found[torch.arange(len(found), device=bands.device)[:, None], bands]

    def _level(self, over: Tensor | None) -> Tensor:
        """`level_of` over some channels [B, M], or all that were read."""
        if over is None:
            assert self.low is not None, "read with the images"
            return self._whole(self.low)
        assert self.hs is not None and self.reference is not None and self.log_floor is not None
        seen = self._picked(self.hs, over)
        return level_of(seen, above(seen, self.reference[0][:, None, None][over], self.log_floor))

    def pictures(self) -> Tensor:
        """RGB images in [0, 1], turned: [B, 3, H, H] float32; channels lie last in memory."""
        assert self.rgb is not None, "this batch was read without RGB images"
        images = self._whole(self.rgb)
        upright = turned(images, self.turns, (1, 2), own=images is not self.rgb)
        return unit(upright).permute(0, 3, 1, 2)

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
        found = self._picked(self.rgb.view(-1, side * grid, size * 3), runs.flatten(1))
        found = found.view(len(self), -1, size, size, 3)
        # turned as bytes, a quarter of the memory of the numbers
        return unit(turned(found, self.turns, (2, 3), own=True)).flatten(2)

    def _whole(self, images: Tensor) -> Tensor:
        """[N, ...] to the images of the samples [B, ...]."""
        return images if self.rows is None else images.index_select(0, self.rows)

    def _picked(self, images: Tensor, picks: Tensor) -> Tensor:
        """[N, M, ...] at `picks` [B, K] of each sample: [B, K, ...], copied row by row."""
        rows = self.rows
        if rows is None:
            rows = torch.arange(len(images), device=picks.device)
        total = images.shape[1]
        places = (rows.unsqueeze(1) * total + picks).flatten()
        found = images.view(len(images) * total, -1).index_select(0, places)
        return found.view(*picks.shape, *images.shape[2:])

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {k: change(v) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **changed)


def range_of(images: Tensor) -> tuple[Tensor, Tensor]:
    """Least value and one over the range of each pixel [B, 1, S, S]; 0 where it has none."""
    low = images.amin(dim=1, keepdim=True)
    span = images.amax(dim=1, keepdim=True).float() - low
    return low, torch.where(span > 0, 1 / span, 0.0)


def unit(rgb: Tensor) -> Tensor:
    """uint8 to float32 in [0, 1]; float32 as it is."""
    return rgb if rgb.dtype is torch.float32 else rgb.float().div_(255)
