"""Where a token stands: tables that start as sines and cosines, and positions by wavelength.

Shapes: C bands, D width, F features of a wavelength.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

UNIT_NM = 10.0  # a place on the line of `line_positions`; its fastest sine has a period of 63 nm
PERIODS_NM = (40.0, 4000.0)  # of the features that are learned from
FREQUENCIES = 16


def line_positions(places: Tensor, width: int) -> Tensor:
    """Sines and cosines of places on a line [C], [C, width] (Vaswani et al. 2017, section 3.5)."""
    half = (width + 1) // 2
    rates = 10_000.0 ** (-torch.arange(half) / half)
    angles = places[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


def grid_positions(side: int, width: int) -> Tensor:
    """The same for a square grid, row by row [side * side, width]: half for rows, half columns."""
    rows = line_positions(torch.arange(side), (width + 1) // 2)
    columns = line_positions(torch.arange(side), width // 2)
    return torch.cat(
        [rows.repeat_interleave(side, dim=0), columns.repeat(side, 1)],
        dim=1,
    )


class WavelengthPositions(nn.Module):
    """Positions of bands from where they lie and how wide they are, for any sensor.

    Sines and cosines of the wavelength, which a small network adds to: it sees slow and fast waves
    of the wavelength (Tancik et al. 2020) and the width. No weight depends on the sensor.
    """

    def __init__(self, width: int, *, products: bool = False) -> None:
        """Declares the weights; `look_at` says which bands there are.

        Args:
            width: Token width D.
            products: Whether bands have weights that their images are multiplied by, too.
        """
        super().__init__()
        self.width = width
        self.hidden = nn.Linear(2 * FREQUENCIES + 2, width)
        self.out = nn.Linear(width, width)
        if products:
            self.products = nn.Linear(2 * FREQUENCIES + 2, width, bias=False)
        self.register_buffer("start", torch.zeros(0, width), persistent=False)
        self.register_buffer("features", torch.zeros(0, 2 * FREQUENCIES + 2), persistent=False)
        self.start: Tensor
        self.features: Tensor

    def look_at(self, wavelengths_nm: Sequence[float], widths_nm: Sequence[float]) -> None:
        """Chooses the sensor: centre and width of each band [C] in nm."""
        device = self.start.device
        nm = torch.tensor(wavelengths_nm, dtype=torch.float64)
        fwhm = torch.tensor(widths_nm, dtype=torch.float64)
        low, high = (math.log(period) for period in PERIODS_NM)
        periods = torch.linspace(low, high, FREQUENCIES, dtype=torch.float64).exp()
        angles = 2 * math.pi * nm[:, None] / periods
        wide = (fwhm / UNIT_NM).log()[:, None]
        # A band that is wide beside a wave sees its mean: the wave is as strong as is left of it.
        left = torch.exp(-(math.pi**2 / (4 * math.log(2))) * (fwhm[:, None] / periods) ** 2)
        features = [angles.sin() * left, angles.cos() * left, wide, wide.square() / 4]
        self.features = torch.cat(features, dim=1).float().to(device)
        self.start = line_positions(nm / UNIT_NM, self.width).float().to(device)

    def forward(self) -> Tensor:
        """[C, D] positions of the bands of the sensor."""
        kind = self.hidden.weight.dtype
        hidden = self._exactly(self.hidden, self.features)
        learned = self._exactly(self.out, nn.functional.gelu(hidden))
        return (learned + self.start.to(learned.dtype)).to(kind)

    def factors(self) -> Tensor:
        """[C, D] what the projected images of the bands are multiplied by."""
        return self._exactly(self.products, self.features).to(self.products.weight.dtype)

    @staticmethod
    def _exactly(layer: nn.Linear, x: Tensor) -> Tensor:
        """A linear layer in float64, or in the weights' type where that is not float32.

        A product may round a row otherwise when there are more rows beside it; float64 leaves
        nothing of that, so that a band has one position, to the bit, on every sensor.
        """
        kind = layer.weight.dtype
        exact = torch.float64 if kind is torch.float32 else kind
        bias = None if layer.bias is None else layer.bias.to(exact)
        return nn.functional.linear(x.to(exact), layer.weight.to(exact), bias)
