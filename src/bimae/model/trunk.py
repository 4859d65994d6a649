"""What pretraining hands on to fine-tuning: the tokenizers and the shared encoder.

Shapes: B batch, n bands that are there, S side of a spectral image, H side of the RGB image,
N tokens, D width.
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bimae.errors import ModelError
from bimae.model.blocks import EncoderBlock, LayerNorm
from bimae.model.config import Modality, ModelConfig
from bimae.model.patches import patchify_hs, patchify_rgb
from bimae.model.positions import WavelengthPositions
from bimae.model.tokenizers import Tokenizer

# Which rows of the spectral positions are shown; None means all, in order.
Bands = Tensor | list[int] | tuple[int, ...] | None


class Encoder(nn.Sequential):
    """Pre-norm ViT blocks and a final norm: [B, N, D] to [B, N, D]."""

    def __init__(self, config: ModelConfig) -> None:
        blocks = [
            EncoderBlock(config.width, config.heads, config.head_width, config.mlp_ratio)
            for _ in range(config.depth)
        ]
        super().__init__(*blocks, LayerNorm(config.width))
        self.checkpointed = False

    def forward(self, x: Tensor, keep: Tensor | None = None, *, normed: bool = True) -> Tensor:
        """[B, N, D] to [B, N, D]; blocks are computed again in the backward pass if told to.

        Args:
            x: Tokens.
            keep: [B, depth, 2] what the branches of each block count in each sample; see
                `EncoderBlock`. Drawn by who calls: nothing here is random.
            normed: Whether the final norm is applied.
        """
        again = self.checkpointed and torch.is_grad_enabled()
        for number, block in enumerate(self if normed else list(self)[:-1]):
            # the last one is the norm, which has no branches
            own = (x,) if keep is None or number == keep.shape[1] else (x, keep[:, number])
            # nothing here is random, so there is no state of a generator to keep
            x = (
                checkpoint(block, *own, use_reentrant=False, preserve_rng_state=False)
                if again
                else block(*own)
            )
        return x

    @property
    def norm(self) -> nn.Module:
        """The final norm."""
        return self[-1]


class Trunk(nn.Module):
    """Tokenizers of the modalities that are looked at, the global token, and the encoder."""

    def __init__(
        self, config: ModelConfig, modality: Modality = "bimodal", *, global_token: bool = True
    ) -> None:
        """Declares the weights.

        Args:
            config: Sizes.
            modality: Which tokenizers to have.
            global_token: Whether to have the global token: pretraining does, and a classifier
                that pools by it.
        """
        super().__init__()
        self.config = config
        if modality != "rgb":
            self.hs = Tokenizer(
                config.hs_patch,
                _positions(config),
                config.width,
                products=config.band_tokens == "product",
            )
        if modality != "hs":
            self.rgb = Tokenizer(config.rgb_patch, config.tiles, config.width)
        if global_token:
            self.global_token = nn.Parameter(torch.zeros(config.width))
        self.encoder = Encoder(config)
        self.register_buffer("all_tiles", torch.arange(config.tiles), persistent=False)
        self.all_tiles: Tensor

    def look_at(self, config: ModelConfig) -> None:
        """Turns to the sensor of another configuration; all else in it must be the same."""
        self.config = config
        positions = self.hs.positions if hasattr(self, "hs") else None
        if isinstance(positions, WavelengthPositions):
            assert config.wavelengths_nm is not None, "the configuration was checked"
            assert config.widths_nm is not None, "the configuration was checked"
            positions.look_at(config.wavelengths_nm, config.widths_nm)

    def tokens(
        self,
        hs: Tensor | None = None,
        rgb: Tensor | None = None,
        bands: Bands = None,
    ) -> Tensor:
        """Every token of the views that are there, before the encoder.

        Args:
            hs: [B, n, S, S] spectra, already scaled to [0, 1] per pixel, or None.
            rgb: [B, 3, H, H] in [0, 1], or None.
            bands: [n] which rows of the spectral positions `hs` shows; default: all, in order.

        Returns:
            [B, n + tiles, D], spectral tokens first, without the global token.

        Raises:
            ModelError: No view, a view that this model has no weights for, or sizes, bands or
                their number that do not fit.
        """
        parts = []
        if hs is not None:
            parts.append(self.hs(patchify_hs(hs), self._rows(hs, bands)))
        if rgb is not None:
            self._check(rgb, "rgb", 3, self.config.rgb_size)
            parts.append(self.rgb(patchify_rgb(rgb, self.config.patch_size), self.all_tiles))
        if not parts:
            raise ModelError("neither hs nor rgb is given; at least one view is needed")
        return torch.cat(parts, dim=1)

    def with_global(self, tokens: Tensor) -> Tensor:
        """[B, N, D] to [B, N + 1, D]: the global token comes last."""
        return torch.cat([tokens, self.global_token.expand(tokens.shape[0], 1, -1)], dim=1)

    def _rows(self, hs: Tensor, bands: Bands) -> Tensor:
        count = self.config.bands if bands is None else len(bands)
        self._check(hs, "hs", count, self.config.hs_size)
        if bands is None:
            return torch.arange(count, device=hs.device)
        rows = torch.as_tensor(bands, device=hs.device)
        if not isinstance(bands, Tensor) and not 0 <= min(bands) <= max(bands) < self.config.bands:
            raise ModelError(
                f"bands {min(bands)} to {max(bands)} are asked for; "
                f"this model has bands 0 to {self.config.bands - 1}"
            )
        return rows

    def _check(self, image: Tensor, view: str, channels: int, size: int) -> None:
        if not hasattr(self, view):
            raise ModelError(f"{view} is given, but this model was made without that view")
        expected = (channels, size, size)
        if image.dim() != 4 or tuple(image.shape[1:]) != expected:
            raise ModelError(
                f"{view} has shape {list(image.shape)}; this model expects "
                f"[batch, {', '.join(map(str, expected))}]"
                + (" or fewer bands with `bands` saying which" if view == "hs" else "")
            )


def _positions(config: ModelConfig) -> int | WavelengthPositions:
    if config.band_positions == "learned":
        return config.bands
    assert config.wavelengths_nm is not None, "the configuration was checked"
    assert config.widths_nm is not None, "the configuration was checked"
    products = config.band_tokens == "product"
    positions = WavelengthPositions(config.width, products=products)
    positions.look_at(config.wavelengths_nm, config.widths_nm)
    return positions
