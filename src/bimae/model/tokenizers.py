"""One image to tokens: flat patches, a linear projection, and a learned position each.

Shapes: B batch, N tokens, V values in a patch, D width.
"""

import torch
from torch import Tensor, nn

from bimae.model.positions import WavelengthPositions


class Tokenizer(nn.Module):
    """Projection and positions of one modality.

    Spectra and RGB differ only in what a patch is (`patches.py`) and in what a position means: a
    band of the sensor, or a tile's place in the image.
    """

    def __init__(
        self,
        patch: int,
        positions: int | WavelengthPositions,
        width: int,
        *,
        products: bool = False,
    ) -> None:
        """Declares the weights.

        Args:
            patch: Values V in one patch.
            positions: Rows of the position table, bands or RGB tiles; or what computes them.
            width: Token width D.
            products: Whether a projected patch is multiplied by weights of its position, before
                that is added.
        """
        super().__init__()
        self.projection = nn.Linear(patch, width)
        self.positions = (
            nn.Parameter(torch.zeros(positions, width)) if isinstance(positions, int) else positions
        )
        self.products = products
        if products and isinstance(positions, int):
            self.factors = nn.Parameter(torch.zeros(positions, width))

    def forward(self, patches: Tensor, rows: Tensor) -> Tensor:
        """Patches [B, N, V] at positions `rows` ([N] for all samples, or [B, N]) to [B, N, D]."""
        tokens: Tensor = self.projection(patches.to(self.projection.weight.dtype))
        if self.products:
            tokens = tokens * self.factor(rows)
        return tokens + self.position(rows)

    def position(self, rows: Tensor) -> Tensor:
        """Positions of `rows`: [..., D] for any shape of row numbers."""
        return nn.functional.embedding(rows, self.table())

    def table(self) -> Tensor:
        """All positions [N, D]."""
        return self.positions if isinstance(self.positions, Tensor) else self.positions()

    def factor(self, rows: Tensor) -> Tensor:
        """What projected patches at `rows` are multiplied by, where they are: [..., D]."""
        own = self.positions
        table = own.factors() if isinstance(own, WavelengthPositions) else self.factors
        return nn.functional.embedding(rows, table)
