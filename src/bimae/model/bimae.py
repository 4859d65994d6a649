"""BiMAE: the bimodal masked autoencoder (Kukushkin, Bogdan, Schmid, CVPRW 2024, section 3).

Shapes: B batch, C bands, S side of a spectral image, H side of the RGB image, K kept and
T reconstructed tokens of a modality, V values in a patch, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bimae.errors import ConfigError
from bimae.model.blocks import Decoder, Fusion
from bimae.model.config import ModelConfig
from bimae.model.initialise import MIDDLE, initialise
from bimae.model.losses import denormalise, normalise, spectral_angle
from bimae.model.masking import Mask, draw_masks, take_tokens
from bimae.model.patches import patchify_hs, patchify_rgb
from bimae.model.pretrained import Pretrained
from bimae.model.trunk import Bands, Trunk


@dataclass(frozen=True)
class LossParts:
    """Mean squared errors over the reconstructed patches; `total` is what is minimised.

    `angle` is the mean spectral angle in radians, where it has a weight in the total.
    """

    total: Tensor
    hs: Tensor
    rgb: Tensor
    angle: Tensor | None = None


class Views(NamedTuple):
    """One tensor per modality: spectral and RGB."""

    hs: Tensor
    rgb: Tensor

    def take(self, hs_rows: Tensor, rgb_rows: Tensor) -> "Views":
        """Of patches [B, N, V]: those that the rows [B, K] of each modality name [B, K, V]."""
        return Views(take_tokens(self.hs, hs_rows), take_tokens(self.rgb, rgb_rows))


class FreeDecoder(Decoder):
    """A decoder whose values have no bounds: of normalised patches, not of images."""

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [B, N, D] to patches [B, N, V], float32."""
        for layer in self:
            x = layer(x)
        return x.float()


class BiMAE(Pretrained[ModelConfig], nn.Module):
    """The pretraining model."""

    config_kind = ModelConfig

    def __init__(self, config: ModelConfig, *, generator: torch.Generator | None = None) -> None:
        """Makes a model with fresh weights.

        Args:
            config: Sizes and masks.
            generator: Source of the weights; default: one seeded with 0.

        Raises:
            ConfigError: The masks leave nothing to see or nothing to reconstruct.
        """
        if problems := config.pretraining_problems():
            raise ConfigError.of(problems)
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):  # layers draw weights of their own: global state
            self.trunk = Trunk(config)
            self.hs_mask_patch = nn.Parameter(torch.zeros(config.hs_patch))
            self.rgb_mask_patch = nn.Parameter(torch.zeros(config.rgb_patch))
            self.fusion = Fusion(config.width, config.fusion_heads)
            decoder = FreeDecoder if config.normalised_patches else Decoder
            self.hs_decoder = decoder(config.width, config.decoder_width, config.hs_patch)
            self.rgb_decoder = decoder(config.width, config.decoder_width, config.rgb_patch)
        initialise(self, config, generator or torch.Generator().manual_seed(0))
        with torch.no_grad():  # a mask patch is a patch: it starts in the middle of their range
            self.hs_mask_patch.add_(MIDDLE)
            self.rgb_mask_patch.add_(MIDDLE)

    def forward(self, hs: Tensor, rgb: Tensor, *, generator: torch.Generator) -> LossParts:
        """One pretraining step: hide, encode what is left, reconstruct, compare.

        Args:
            hs: [B, C, S, S] spectra, scaled to [0, 1] per pixel.
            rgb: [B, 3, H, H] in [0, 1].
            generator: Source of the masks.

        Returns:
            Losses over the reconstructed patches only.
        """
        masks = self.draw_masks(len(hs), generator=generator, device=hs.device)
        patches = Views(patchify_hs(hs), patchify_rgb(rgb, self.config.patch_size))
        hs_mask, rgb_mask = masks
        seen = patches.take(hs_mask.keep, rgb_mask.keep)
        hidden = patches.take(hs_mask.targets, rgb_mask.targets)
        return self.losses(seen, hidden, masks)

    def losses(
        self,
        seen: Views,
        hidden: Views,
        masks: tuple[Mask, Mask],
        *,
        angle_weight: float = 0.0,
        dark: Tensor | None = None,
    ) -> LossParts:
        """The step on patches that are taken already: what no mask names is never needed.

        Args:
            seen: Patches [B, K, V] of each modality that `masks` keep, in [0, 1].
            hidden: Patches [B, T, V] of each modality that `masks` name as targets.
            masks: Spectral and RGB mask.
            angle_weight: What the mean spectral angle counts beside the squared errors.
            dark: [B, T] value of a pixel that is zero as stored, in each spectral target; None: 0.

        Returns:
            Losses over the targets; of a model of normalised patches, in these.
        """
        return self.compare(
            self.see(seen, masks), hidden, masks, angle_weight=angle_weight, dark=dark
        )

    def compare(
        self,
        encoded: Tensor,
        hidden: Views,
        masks: tuple[Mask, Mask],
        *,
        angle_weight: float = 0.0,
        dark: Tensor | None = None,
    ) -> LossParts:
        """The losses of what is reconstructed of tokens that are encoded already.

        Args:
            encoded: [B, K + 1, D]; see `see`.
            hidden: As in `losses`, and so the others.
            masks: Spectral and RGB mask.
            angle_weight: Of the spectral angle.
            dark: Of pixels that are zero as stored.
        """
        made, true = self.decode(encoded, masks), hidden
        normalised = self.config.normalised_patches
        if normalised:
            true = Views(normalise(hidden.hs), normalise(hidden.rgb))
        hs_loss = nn.functional.mse_loss(made.hs, true.hs)
        rgb_loss = nn.functional.mse_loss(made.rgb, true.rgb)
        total = hs_loss + rgb_loss
        if not angle_weight:
            return LossParts(total, hs_loss, rgb_loss)
        spectra = denormalise(made.hs, hidden.hs) if normalised else made.hs
        angle = spectral_angle(spectra, hidden.hs, dark)
        return LossParts(total + angle_weight * angle, hs_loss, rgb_loss, angle)

    def see(self, seen: Views, masks: tuple[Mask, Mask]) -> Tensor:
        """What the encoder makes of the kept patches alone.

        Args:
            seen: Flat patches [B, K, V] of each modality that `masks` keep, in [0, 1].
            masks: Spectral and RGB mask.

        Returns:
            [B, K_hs + K_rgb + 1, D], spectral tokens first, the global token last.
        """
        hs_mask, rgb_mask = masks
        hs_seen = self.trunk.hs(seen.hs, hs_mask.keep)
        rgb_seen = self.trunk.rgb(seen.rgb, rgb_mask.keep)
        encoded: Tensor = self.trunk.encoder(
            self.trunk.with_global(torch.cat([hs_seen, rgb_seen], dim=1))
        )
        return encoded

    def reconstruct(self, seen: Views, masks: tuple[Mask, Mask]) -> Views:
        """The targets' patches, from the kept ones alone; see `see` and `decode`."""
        return self.decode(self.see(seen, masks), masks)

    def decode(self, encoded: Tensor, masks: tuple[Mask, Mask]) -> Views:
        """The targets' patches, from what the encoder made of the kept ones.

        Args:
            encoded: [B, K_hs + K_rgb + 1, D]; see `see`.
            masks: Spectral and RGB mask.

        Returns:
            Reconstructed patches [B, T, V] of each modality, float32: in [0, 1], or where
            `config.normalised_patches` in deviations from each patch's mean.
        """
        hs_mask, rgb_mask = masks
        memory = encoded + self._positions(hs_mask.keep, rgb_mask.keep)
        queries = torch.cat(
            [
                self.trunk.hs(self.hs_mask_patch, hs_mask.targets),
                self.trunk.rgb(self.rgb_mask_patch, rgb_mask.targets),
            ],
            dim=1,
        )  # [B, T_hs + T_rgb, D]: the mask token as if it were a patch, at the target's position
        fused = self.fusion(queries, memory)

        hs_fused, rgb_fused = fused.split(
            [hs_mask.targets.shape[1], rgb_mask.targets.shape[1]], dim=1
        )
        return Views(self.hs_decoder(hs_fused), self.rgb_decoder(rgb_fused))

    def look_at(
        self, wavelengths_nm: Sequence[float] | None, widths_nm: Sequence[float] | None = None
    ) -> None:
        """Turns to another sensor, which band positions by wavelength allow; see `ModelConfig.on`.

        Raises:
            ConfigError: See there.
        """
        self.config = self.config.on(wavelengths_nm, widths_nm)
        self.trunk.look_at(self.config)

    def draw_masks(
        self,
        batch: int,
        *,
        generator: torch.Generator,
        device: torch.device | None = None,
        all_hidden: bool = False,
    ) -> tuple[Mask, Mask]:
        """A spectral and an RGB mask for `batch` samples; see `draw_mask`."""
        return draw_masks(
            self.config, batch, generator=generator, device=device, all_hidden=all_hidden
        )

    def tokens(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """Every token of the views that are there, before the encoder; arguments as in `encode`.

        Returns:
            [B, n + tiles, D], spectral tokens first, without the global token.
        """
        return self.trunk.tokens(hs, rgb, bands)

    def encode(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """Features of the views that are there, nothing hidden.

        Args:
            hs: [B, n, S, S] spectra, scaled to [0, 1] per pixel, or None.
            rgb: [B, 3, H, H] in [0, 1], or None.
            bands: [n] which rows of the spectral positions `hs` shows; default: all.

        Returns:
            [B, n + tiles, D], spectral tokens first. The global token takes no part, as in a
            classifier that pools by the mean.
        """
        encoded: Tensor = self.trunk.encoder(self.tokens(hs, rgb, bands))
        return encoded

    def _positions(self, hs_rows: Tensor, rgb_rows: Tensor) -> Tensor:
        """Positions of the visible tokens [B, K + 1, D]; the global token has none."""
        seen = [self.trunk.hs.position(hs_rows), self.trunk.rgb.position(rgb_rows)]
        none = seen[0].new_zeros(len(hs_rows), 1, self.config.width)
        return torch.cat([*seen, none], dim=1)
