"""From pixels as a camera delivers them to what a classifier is shown, as a part of a graph.

The arithmetic is that of `bimae.data`; what there is computed from constants is a constant here.

Shapes: N samples, n channels, m of what the model is shown, C bands, S side of a spectral image,
H side of the RGB image, P side of a tile.
"""

import torch
from torch import Tensor, nn

from bimae.data.batch import Batch, range_of, unit
from bimae.data.reading import Reading
from bimae.data.shapes import above, in_unit, level_of
from bimae.data.showing import mixed_by
from bimae.data.transforms import Mix
from bimae.model.patches import patchify_hs, patchify_rgb_last


class Views(nn.Module):
    """Raw images to the patches that become tokens."""

    def __init__(
        self, reading: Reading, channels: int, patch_size: int, *, exact: bool = False
    ) -> None:
        """Works out the constants.

        Args:
            reading: How the classifier reads.
            channels: How many channels n go in.
            patch_size: Side P of an RGB tile in pixels.
            exact: Whether channels are whitened in float64, see `whitened`.
        """
        super().__init__()
        self.patch_size = patch_size
        self.scale = reading.scale
        self.log_floor = reading.log_floor
        self.exact = exact
        self.register_buffer("nobody", torch.empty(0, dtype=torch.long))
        self.register_buffer("reference", reading.reference())
        mixing = _mixing(reading, channels)
        if mixing is not None and not (exact and self.scale == "whitened"):
            mixing = mixing.float()
        self.register_buffer("matrix", mixing)
        self.register_buffer("picks", _picks(reading, channels))
        self.nobody: Tensor
        self.reference: Tensor | None
        self.matrix: Tensor | None
        self.picks: Tensor | None

    def forward(self, hs: Tensor | None, rgb: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """[N, S, S, n] and [N, H, H, 3] to float32 [N, m, S * S] and [N, tiles, P * P * 3]."""
        bands = tiles = None
        if hs is not None:
            bands = patchify_hs(self.spectra(hs.float().permute(0, 3, 1, 2)))
        if rgb is not None:
            tiles = unit(patchify_rgb_last(rgb, self.patch_size))  # bytes are quicker to move
        return bands, tiles

    def spectra(self, images: Tensor) -> Tensor:
        """[N, n, S, S] as stored to [N, m, S, S] as shown."""
        if self.scale == "whitened":
            return self._whitened(images)
        low = factor = None
        if self.scale in ("before", "after"):
            low, factor = range_of(images)
        elif self.scale == "shape":
            low = level_of(images, self._logs(images))
        batch = Batch(self.nobody, images, low, factor, self.reference, log_floor=self.log_floor)
        found = batch.spectra(cut=False)
        if self.picks is not None:
            return found[:, self.picks]
        return found if self.matrix is None else self._mixed(found)

    def _whitened(self, images: Tensor) -> Tensor:
        logs = self._logs(images)
        return in_unit(self._mixed(logs - level_of(images, logs)), cut=False)

    def _logs(self, images: Tensor) -> Tensor:
        assert self.reference is not None and self.log_floor is not None, "shapes are read"
        usual = self.reference[0][:, None, None]
        return above(images, usual, self.log_floor, exact=self.exact)

    def _mixed(self, images: Tensor) -> Tensor:
        """[N, n, S, S] to [N, m, S, S]: each pixel's channels by the matrix [m, n]."""
        assert self.matrix is not None
        mixed = (self.matrix @ images.flatten(2).to(self.matrix.dtype)).float()
        return mixed.view(-1, len(self.matrix), *images.shape[2:])


def _mixing(reading: Reading, channels: int) -> Tensor | None:
    """[m, n] what mixes the channels of a pixel; None where nothing does."""
    if reading.modality != "rgb" and reading.scale == "before" and reading.weights is not None:
        mix = Mix.of(reading.weights)
        whole = torch.zeros(len(reading.weights), channels)
        whole[:, torch.from_numpy(mix.bands)] = torch.from_numpy(mix.matrix)
        return whole
    return mixed_by(reading)


def _picks(reading: Reading, channels: int) -> Tensor | None:
    """[m] which of the channels are shown, where it takes others to scale them by."""
    bands = reading.bands
    if reading.modality == "rgb" or reading.scale != "before" or reading.weights is not None:
        return None
    return None if bands is None or bands == tuple(range(channels)) else torch.tensor(bands)
