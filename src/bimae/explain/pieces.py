"""What can be taken out of a sample: ranges of bands, tiles of the RGB image, regions of the cube.

A view is parted into cells, which are what a map is made of. Cells are taken out in windows of
neighbours that overlap: what one band or one tile tells, its neighbours tell too, and without it
alone nothing changes.

Shapes: C cells, W windows, n channels, S side of a spectral image, H side of the RGB image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["bands", "tiles", "regions"]
NEIGHBOURS = 2  # cells along a window


@dataclass(frozen=True)
class Pieces:
    """Cells of a view, and the windows in which they are taken out.

    Attributes:
        kind: `bands` and `regions` are pieces of the cube, `tiles` of the RGB image.
        cells: bool [C, n, 1, 1], [C, 1, S, S] or [C, 1, H, H]: what of the view each cell is; every
            value of the view is in one.
        windows: bool [W, C]: which cells are taken out together; every cell is in one or more.
    """

    kind: Kind
    cells: Tensor
    windows: Tensor

    @property
    def view(self) -> Literal["hs", "rgb"]:
        """Of which view."""
        return "rgb" if self.kind == "tiles" else "hs"

    def __len__(self) -> int:
        return len(self.cells)

    def masks(self, together: Tensor) -> Tensor:
        """What of the view sets of cells bool [V, C] are: bool [V, ...] in the shape of `cells`."""
        flat = together.float() @ self.cells.flatten(1).float()
        return (flat > 0).view(len(together), *self.cells.shape[1:])

    def of_windows(self, values: Tensor) -> Tensor:
        """Numbers of windows [..., W] to those of cells [..., C]: the mean of those it is in."""
        inside = self.windows.to(values)
        return values @ inside / inside.sum(dim=0)

    def of_channels(self, values: Tensor) -> Tensor:
        """Numbers of channels [..., n] or tiles [..., T] to those of cells: the mean in each."""
        inside = self.cells.flatten(1).to(values)
        if self.kind == "tiles":
            return values  # a cell is a tile
        return values @ inside.T / inside.sum(dim=1)


def band_pieces(places: Sequence[float], width: float) -> Pieces:
    """Channels in ranges of wavelength.

    Args:
        places: [n] where each lies: nm, or the number of the band. In any order.
        width: Of a window, in the same unit; cells are half as wide, each with at least a channel.
    """
    low = min(places)
    number = [int((place - low) / (width / NEIGHBOURS) + 1e-9) for place in places]
    cells = torch.tensor([[n == cell for n in number] for cell in sorted(set(number))])
    return Pieces("bands", cells[:, :, None, None], _runs(sorted(set(number))))


def usual_width(places: Sequence[float]) -> float:
    """A tenth of the range, for windows over channels; at least twice the step between two."""
    reach = max(places) - min(places)
    return max(reach / 10, 2 * reach / max(1, len(places) - 1)) or 1.0


def _runs(numbers: Sequence[int]) -> Tensor:
    """Windows over cells on a line [W, C]: neighbours together; a cell that has none, alone."""
    rows = []
    for first in numbers:
        together = range(first, first + NEIGHBOURS)
        if set(together) <= set(numbers):
            rows.append([number in together for number in numbers])
    for place in range(len(numbers)):
        if not any(row[place] for row in rows):
            rows.append([other == place for other in range(len(numbers))])
    return torch.tensor(rows)


def tile_pieces(side: int, across: int) -> Pieces:
    """The tiles of an RGB image of `side` pixels, `across` of them along it."""
    return Pieces("tiles", _squares(side, across), _blocks(across))


def region_pieces(side: int, across: int = 6) -> Pieces:
    """Regions of a spectral image in all bands at once, `across` along its side of so many pixels.

    Fewer where there are fewer pixels; of one or two sizes where the side does not divide.
    """
    across = min(side, across)
    return Pieces("regions", _squares(side, across), _blocks(across))


def _squares(side: int, across: int) -> Tensor:
    """Bool [across * across, 1, side, side]."""
    line = torch.arange(side) * across // side
    which = line[:, None] * across + line
    return (which == torch.arange(across**2)[:, None, None])[:, None]


def _blocks(across: int) -> Tensor:
    """Windows over cells of a square [W, across * across]."""
    one = _runs(range(across))
    return (one[:, None, :, None] & one[None, :, None, :]).flatten(0, 1).flatten(1)
