"""Sizes of a model, the presets, and the token counts that follow from them. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from bimae.errors import ConfigError
from bimae.model.mask_counts import MaskCounts
from bimae.spectra import band_shares, between, nearest_band

_COUNTS = (
    "width",
    "depth",
    "heads",
    "decoder_width",
    "bands",
    "hs_size",
    "rgb_size",
    "patch_size",
    "fusion_heads",
    "hs_block",
)

Modality = Literal["bimodal", "hs", "rgb"]
Pool = Literal["mean", "raw_mean", "token"]
Scale = Literal["before", "after", "standard", "shape", "whitened"]
BandTokens = Literal["sum", "product"]
BandPositions = Literal["learned", "wavelength"]
HsMasking = Literal["random", "block", "similarity"]


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes the weights' shapes, and the masks of pretraining.

    Attributes:
        name: The preset that the sizes come from.
        width: Token width D of the encoder.
        depth: Encoder blocks.
        heads: Attention heads per encoder block.
        decoder_width: Token width inside the decoders.
        bands: Rows of the spectral positions: bands of the sensor.
        hs_size: Side of the spectral images in pixels; one band is one token of its square.
        rgb_size: Side of the RGB image in pixels.
        patch_size: Side of one RGB tile in pixels; `rgb_size` must be a multiple of it.
        hs_mask_ratio: Share of the bands hidden in pretraining.
        rgb_mask_ratio: Share of the RGB tiles hidden in pretraining.
        hs_target_ratio: Share of the hidden bands that is reconstructed in a step.
        rgb_target_ratio: Share of the hidden tiles that is reconstructed in a step.
        mlp_ratio: Hidden width of an encoder block's MLP, in token widths.
        head_dim: Width of one encoder head; None: `width / heads`, the standard. The authors'
            code has heads as wide as the token.
        fusion_heads: Heads of the cross-attention block.
        band_positions: `learned`, a row for each band of one sensor (the paper); or `wavelength`,
            computed from where each band lies and how wide it is, so that the same weights read
            any sensor.
        wavelengths_nm: Band centres in nm of the sensor that is read; needed for `wavelength`.
        widths_nm: Full width at half maximum of each of its bands in nm; needed likewise.
        standard: Mean and standard deviation of each band over the pixels that were learned from,
            in the unit of the images; None where spectra are scaled per pixel instead.
        log_floor: Not None: of each pixel the shape of its spectrum is read, the logarithm of every
            band less the mean over the bands that are there, and `standard` is of that. Values
            below this one, in the unit of the images, count as this one.
        within: Not None: shapes are whitened, so that what varies much inside one object counts
            less. A row for each band: what moves it by how much, in its deviations (`standard`), as
            is seen among the pixels of one object.
        band_tokens: A band's token is its projected image and its position, `sum` (the paper); or
            the image is first multiplied by weights of the band, `product`, so that a mean of
            tokens weighs bands one against another.
        hs_masking: Bands are hidden one by one, `random` (the paper); in runs of neighbours,
            `block`; or in groups that are alike in the data, `similarity`.
        hs_block: Bands of a run, where these are hidden in blocks.
        hs_groups: Group of each band, where these are hidden by similarity.
        normalised_patches: Whether the decoders make patches of mean 0 and deviation 1, which
            only the true patch's own mean and deviation turn into an image (He et al. 2022).
    """

    name: str = "mae_vit_tiny_patch24"
    width: int = 192
    depth: int = 12
    heads: int = 3
    decoder_width: int = 128
    bands: int = 300
    hs_size: int = 24
    rgb_size: int = 192
    patch_size: int = 24
    hs_mask_ratio: float = 0.9
    rgb_mask_ratio: float = 0.75
    hs_target_ratio: float = 0.2
    rgb_target_ratio: float = 0.5
    mlp_ratio: float = 4.0
    head_dim: int | None = None
    fusion_heads: int = 8
    band_positions: BandPositions = "learned"
    wavelengths_nm: tuple[float, ...] | None = None
    widths_nm: tuple[float, ...] | None = None
    standard: tuple[tuple[float, float], ...] | None = None
    log_floor: float | None = None
    within: tuple[tuple[float, ...], ...] | None = None
    band_tokens: BandTokens = "sum"
    hs_masking: HsMasking = "random"
    hs_block: int = 10
    hs_groups: tuple[int, ...] | None = None
    normalised_patches: bool = False

    def __post_init__(self) -> None:
        if problems := self.problems():
            raise ConfigError.of(problems)

    def on(
        self, wavelengths_nm: Sequence[float] | None, widths_nm: Sequence[float] | None = None
    ) -> "ModelConfig":
        """The same weights on another sensor.

        Args:
            wavelengths_nm: Its band centres in nm, ascending.
            widths_nm: Widths of its bands in nm; default: half the way to either neighbour.

        Raises:
            ConfigError: Positions are learned, for one sensor, or wavelengths are not known.
        """
        if self.band_positions != "wavelength":
            raise ConfigError(
                "this model has learned positions, which are of one sensor; pretrain with "
                "band_positions wavelength to read others"
            )
        if wavelengths_nm is None:
            raise ConfigError(
                "this model knows bands by their wavelengths, and those of the data are unknown: "
                "add wavelengths_nm to dataset.json"
            )
        nm = tuple(float(centre) for centre in wavelengths_nm)
        widths = tuple(map(float, widths_nm or band_shares(nm)))
        standard = self.standard
        if standard is not None and self.wavelengths_nm is not None:
            standard = tuple((m, d) for m, d in between(self.wavelengths_nm, standard, nm))
        within = self.within
        if within is not None and self.wavelengths_nm is not None:
            within = between(self.wavelengths_nm, within, nm)
        groups = self.hs_groups
        if groups is not None and self.wavelengths_nm is not None:
            groups = tuple(groups[nearest_band(self.wavelengths_nm, centre)] for centre in nm)
        return replace(
            self,
            bands=len(nm),
            wavelengths_nm=nm,
            widths_nm=widths,
            standard=standard,
            within=within,
            hs_groups=groups,
        )

    @property
    def grid(self) -> int:
        """RGB tiles along one side."""
        return self.rgb_size // self.patch_size

    @property
    def tiles(self) -> int:
        """RGB tokens of one image."""
        return self.grid**2

    @property
    def hs_patch(self) -> int:
        """Values in one spectral token: pixels of a band, row by row."""
        return self.hs_size**2

    @property
    def rgb_patch(self) -> int:
        """Values in one RGB token: rows, columns, channels."""
        return self.patch_size**2 * 3

    @property
    def head_width(self) -> int:
        """Width of one encoder head."""
        return self.head_dim or self.width // self.heads

    @property
    def hs_counts(self) -> MaskCounts:
        """Bands kept, hidden and reconstructed."""
        return MaskCounts.of(self.bands, self.hs_mask_ratio, self.hs_target_ratio)

    @property
    def rgb_counts(self) -> MaskCounts:
        """RGB tiles kept, hidden and reconstructed."""
        return MaskCounts.of(self.tiles, self.rgb_mask_ratio, self.rgb_target_ratio)

    def problems(self) -> list[str]:
        """Every reason why no model can have these sizes; empty when one can."""
        found = [
            f"{name} is {getattr(self, name)}; it must be at least 1"
            for name in _COUNTS
            if getattr(self, name) < 1
        ]
        if found:
            return found  # the checks below divide by them
        if self.head_dim is None and self.width % self.heads:
            found.append(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.rgb_size % self.patch_size:
            found.append(
                f"rgb_size {self.rgb_size} is not a multiple of patch_size {self.patch_size}; "
                f"choose a patch_size that divides it, {_divisors(self.rgb_size)}, or another "
                "rgb_size"
            )
        found += self._sensor_problems()
        if self.mlp_ratio <= 0:
            found.append(f"mlp_ratio is {self.mlp_ratio}; it must be above 0")
        for modality in ("hs", "rgb"):
            ratios = [getattr(self, f"{modality}_{kind}_ratio") for kind in ("mask", "target")]
            if not (0 < ratios[0] < 1 and 0 < ratios[1] <= 1):
                found.append(
                    f"{modality}_mask_ratio {ratios[0]} must be between 0 and 1, and "
                    f"{modality}_target_ratio {ratios[1]} above 0 and at most 1"
                )
        return found

    def _sensor_problems(self) -> list[str]:
        found = []
        if self.band_positions not in get_args(BandPositions):
            choices = ", ".join(get_args(BandPositions))
            found.append(f"band_positions is {self.band_positions!r}; choose one of {choices}")
        if self.band_tokens not in get_args(BandTokens):
            choices = ", ".join(get_args(BandTokens))
            found.append(f"band_tokens is {self.band_tokens!r}; choose one of {choices}")
        if self.log_floor is not None and (self.standard is None or not self.log_floor > 0):
            found.append(f"log_floor is {self.log_floor}; it must be above 0, and needs standard")
        if self.within is not None and self.log_floor is None:
            found.append("within is given, but of shapes only, which need log_floor")
        if len({len(row) for row in self.within or ()}) > 1:
            found.append("within has rows of different lengths")
        if self.hs_masking not in get_args(HsMasking):
            choices = ", ".join(get_args(HsMasking))
            found.append(f"hs_masking is {self.hs_masking!r}; choose one of {choices}")
        by_wavelength = self.band_positions == "wavelength"
        needed = {
            "wavelengths_nm": "band_positions wavelength" if by_wavelength else "",
            "widths_nm": "band_positions wavelength" if by_wavelength else "",
            "standard": "",
            "within": "",
            "hs_groups": "hs_masking similarity" if self.hs_masking == "similarity" else "",
        }
        for name, why in needed.items():
            values = getattr(self, name)
            if values is None:
                if why:
                    found.append(f"{why} needs {name}")
            elif len(values) != self.bands:
                found.append(f"{name} has {len(values)} values for {self.bands} bands")
        if any(not width > 0 for width in self.widths_nm or ()):
            found.append("widths_nm must all be above 0")
        if any(not deviation > 0 for _, deviation in self.standard or ()):
            found.append("standard deviations of bands must all be above 0")
        return found

    def pretraining_problems(self) -> list[str]:
        """Every reason why this model cannot be pretrained: too few tokens for its masks."""
        found = []
        for modality, what, counts in (
            ("hs", "bands", self.hs_counts),
            ("rgb", "RGB tiles", self.rgb_counts),
        ):
            if counts.keep < 1 or counts.targets < 1:
                found.append(
                    f"{counts.total} {what} with {modality}_mask_ratio "
                    f"{getattr(self, f'{modality}_mask_ratio')} and {modality}_target_ratio "
                    f"{getattr(self, f'{modality}_target_ratio')} leave {counts.keep} visible and "
                    f"{counts.targets} to reconstruct; at least 1 of each is needed"
                )
        return found


def _divisors(size: int) -> str:
    """The divisors of a size that make tiles of a useful size."""
    return ", ".join(str(n) for n in range(4, size + 1) if size % n == 0) or str(size)


PRESETS: dict[str, dict[str, int]] = {
    "mae_vit_tiny_patch24": {"width": 192, "depth": 12, "heads": 3, "decoder_width": 128},
    "mae_vit_small_patch24": {"width": 384, "depth": 12, "heads": 6, "decoder_width": 192},
    "mae_vit_base_patch24": {"width": 768, "depth": 12, "heads": 12, "decoder_width": 384},
}


def preset(name: str, **sizes: Any) -> ModelConfig:
    """The named preset (paper, section 4), with other sizes where given.

    Raises:
        ConfigError: No preset of that name, or sizes that no model can have.
    """
    if name not in PRESETS:
        raise ConfigError(f"model {name!r} is not known; choose one of {', '.join(PRESETS)}")
    return ModelConfig(name=name, **{**PRESETS[name], **sizes})
