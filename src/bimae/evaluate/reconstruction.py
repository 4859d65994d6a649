"""What a pretrained model makes of what it does not see.

Shapes: n samples, C bands, S side of a spectral image, H side of the RGB image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data import SeedDataset
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.model import BiMAE, Views
from bimae.model.losses import denormalise, normalise
from bimae.model.patches import patchify_hs, patchify_rgb, unpatchify_hs, unpatchify_rgb

Image = NDArray[np.float32]

TRUE_SCALE = "mean and deviation of each hidden patch are the true ones, not the model's"


@dataclass(frozen=True)
class Reconstruction:
    """Original and reconstruction of n samples; visible tokens are those of the original.

    Attributes:
        keys: [n] names.
        hs: [n, C, S, S] spectra as the model sees them, scaled to [0, 1] per pixel.
        hs_made: [n, C, S, S] with the hidden bands reconstructed.
        hs_hidden: [n, C] which bands were hidden.
        rgb: [n, 3, H, H] in [0, 1].
        rgb_made: [n, 3, H, H] with the hidden tiles reconstructed.
        rgb_hidden: [n, H, H] which pixels were hidden.
        errors: Mean squared errors over what was hidden, of the model and of the mean image.
    """

    keys: list[str]
    hs: Image
    hs_made: Image
    hs_hidden: NDArray[np.bool_]
    rgb: Image
    rgb_made: Image
    rgb_hidden: NDArray[np.bool_]
    errors: "ReconstructionErrors"


@dataclass(frozen=True)
class ReconstructionErrors:
    """Mean squared errors over the hidden patches.

    Attributes:
        hs: Of the model, spectra.
        rgb: Of the model, RGB.
        hs_mean_image: Of the mean image of other samples in the hidden patches' stead: what can
            be said without looking. A model that learned nothing of the sample does no better.
        rgb_mean_image: The same for RGB.
        true_scale: Whether the mean and the deviation of each hidden patch are the true ones, as a
            model of normalised patches makes none; the mean image was then given them too.
    """

    hs: float
    rgb: float
    hs_mean_image: float
    rgb_mean_image: float
    true_scale: bool = False

    @property
    def note(self) -> str:
        """What has to be said wherever these, or the pictures they are of, are shown; or ""."""
        return TRUE_SCALE if self.true_scale else ""


def reconstruct(
    model: BiMAE,
    samples: SeedDataset,
    part: Sequence[int],
    *,
    seed: int = 0,
    mean_of: Sequence[int] | None = None,
) -> Reconstruction:
    """Hides bands and tiles as in pretraining and reconstructs every hidden one.

    Args:
        model: A pretrained model.
        samples: The data, at the model's sizes.
        part: Which samples; all at once, so a handful for pictures, some hundreds for errors.
        seed: Seed of the masks.
        mean_of: Samples whose mean image the errors are held against: those learned from; default:
            `part` itself, which flatters the mean image when it has few samples.
    """
    reading = Reading.whole(model.config)
    batch = next(iter(seed_loader(samples, part, reading, batch_size=len(part))))
    hs, rgb = batch.spectra(), batch.pictures()
    config = model.config
    masks = model.draw_masks(
        len(part), generator=torch.Generator().manual_seed(seed), all_hidden=True
    )
    patches = Views(patchify_hs(hs), patchify_rgb(rgb, config.patch_size))
    seen = patches.take(masks[0].keep, masks[1].keep)
    with torch.inference_mode():
        found = model.eval().reconstruct(seen, masks)
    mean_of = part if mean_of is None else mean_of
    mean = _mean_patches(samples, mean_of, reading, config.patch_size)
    if config.normalised_patches:
        hidden = patches.take(masks[0].targets, masks[1].targets)
        found = Views(*map(denormalise, found, hidden))
        mean = Views(*(denormalise(normalise(m), p) for m, p in zip(mean, patches, strict=True)))
    hs_made, hs_hidden = _fill(patches.hs, found.hs, masks[0].targets)
    rgb_made, rgb_hidden = _fill(patches.rgb, found.rgb, masks[1].targets)
    shown = rgb_hidden.float()[:, :, None].expand(-1, -1, config.rgb_patch)
    return Reconstruction(
        keys=[samples.keys[i] for i in part],
        hs=hs.numpy(),
        hs_made=unpatchify_hs(hs_made, config.hs_size).numpy(),
        hs_hidden=hs_hidden.numpy(),
        rgb=rgb.contiguous().numpy(),
        rgb_made=unpatchify_rgb(rgb_made, config.patch_size).numpy(),
        rgb_hidden=unpatchify_rgb(shown, config.patch_size)[:, 0].numpy() > 0,
        errors=ReconstructionErrors(
            hs=_error(hs_made, patches.hs, hs_hidden),
            rgb=_error(rgb_made, patches.rgb, rgb_hidden),
            hs_mean_image=_error(mean.hs.expand_as(patches.hs), patches.hs, hs_hidden),
            rgb_mean_image=_error(mean.rgb.expand_as(patches.rgb), patches.rgb, rgb_hidden),
            true_scale=config.normalised_patches,
        ),
    )


def _mean_patches(
    samples: SeedDataset, part: Sequence[int], reading: Reading, patch_size: int
) -> Views:
    """Patches [C, V] and [tiles, V] of the mean image over a part, a batch at a time."""
    hs, rgb = torch.zeros(()), torch.zeros(())
    for batch in seed_loader(samples, part, reading, batch_size=32):
        hs = hs + patchify_hs(batch.spectra()).sum(dim=0) / len(part)
        rgb = rgb + patchify_rgb(batch.pictures(), patch_size).sum(dim=0) / len(part)
    return Views(hs, rgb)


def _fill(patches: Tensor, found: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Patches with the targets replaced, and which ones [n, N] were."""
    index = targets.unsqueeze(-1).expand(-1, -1, patches.shape[-1])
    hidden = torch.zeros(patches.shape[:2], dtype=torch.bool).scatter(1, targets, True)
    return patches.scatter(1, index, found.float()), hidden


def _error(made: Tensor, patches: Tensor, hidden: Tensor) -> float:
    return float((made - patches)[hidden].square().mean())
