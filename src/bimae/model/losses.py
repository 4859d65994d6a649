"""What a reconstruction is held against: patches as they are or normalised, and spectral angles.

Shapes: B batch, N tokens, T reconstructed bands, V values in a patch.
"""

import torch
from torch import Tensor

EPSILON = 1e-6  # of a patch's variance, as in MAE: an even patch becomes zeros
DARK = 4e-4  # root mean square of a spectrum, of 1: a tenth of a step of an image of bytes


def normalise(patches: Tensor) -> Tensor:
    """Each patch [B, N, V] brought to mean 0 and deviation 1 (He et al. 2022, section 4.1)."""
    mean, deviation = mean_and_deviation(patches)
    return (patches - mean) / deviation


def denormalise(made: Tensor, true: Tensor) -> Tensor:
    """Normalised patches [B, N, V] with the mean and the deviation of the true ones."""
    mean, deviation = mean_and_deviation(true)
    return made * deviation + mean


def mean_and_deviation(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Of the values of each patch [B, N, V]: [B, N, 1] each."""
    variance, mean = torch.var_mean(patches, dim=-1, correction=0, keepdim=True)
    return mean, (variance + EPSILON).sqrt()


def spectral_angle(made: Tensor, true: Tensor, dark: Tensor | None = None) -> Tensor:
    """Mean angle between true and reconstructed spectra of the pixels, in radians.

    By half angles (Kahan): `acos` of a product loses small angles, and its gradient has no bound
    there. At an angle of 0 the gradient here is 0, beside it of a bounded length.

    Args:
        made: [B, T, V] reconstructed bands.
        true: [B, T, V] the same as they are.
        dark: [B, T] value of a pixel that is zero as stored in each band; None: 0. Spectra are
            measured from there.

    Returns:
        From 0 to pi, the mean over samples of the mean over pixels whose true spectrum is not
        dark: padding has no angle. A sample that is dark wholly counts 0.
    """
    if dark is not None:
        made, true = made - dark.unsqueeze(-1), true - dark.unsqueeze(-1)
    least = DARK * true.shape[1] ** 0.5  # length of a spectrum
    lit = torch.linalg.vector_norm(true, dim=1) > least  # [B, V]
    one, other = (
        x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(least) for x in (made, true)
    )
    apart = torch.linalg.vector_norm(one - other, dim=1)
    along = torch.linalg.vector_norm(one + other, dim=1)
    # Where nothing is lit both are 0, whose angle has no gradient: it is taken of (0, 1) there.
    angles = 2 * torch.atan2(apart * lit, torch.where(lit, along, 1.0))
    # of each sample first: a step is the same sum in whatever parts it is computed
    each: Tensor = angles.sum(dim=1) / lit.sum(dim=1).clamp_min(1)
    return each.mean()
