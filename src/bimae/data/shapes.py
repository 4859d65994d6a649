"""The shape of a spectrum: its logarithm without brightness; and shapes that are whitened.

Shapes: B batch, K channels, F factors, S side of a spectral image.
"""

import torch
from torch import Tensor

LEAST_VARIANCE = 3e-4  # of the largest inside objects: smaller ones are not blown up further
DEVIATIONS = 3.0  # on either side of the mean that [0, 1] has room for; what is beyond is cut off
MIDDLE = 0.5  # of [0, 1]: what a pixel of the mean shape is, and one that has no shape


def above(images: Tensor, usual: Tensor, log_floor: float, *, exact: bool = False) -> Tensor:
    """[B, K, S, S] as stored to logarithms less those that are `usual` in each channel.

    Values below `log_floor` count as it. What is usual goes off before the logarithm is taken,
    which is then near 0: every library rounds it alike there.

    Args:
        images: As stored.
        usual: Of each channel.
        log_floor: Least value.
        exact: Whether to compute in float64, as what is averaged by a discriminant has to be: it
            divides differences by deviations of a thousandth and less, and libraries take
            logarithms of float32 each in their own way.
    """
    kind = torch.float64 if exact else torch.float32
    # a copy in any case: float32 as stored is not ours to write to
    floored = images.to(kind).clamp(min=log_floor)
    return floored.mul_(torch.exp(-usual.to(kind))).log_()


def level_of(images: Tensor, logs: Tensor) -> Tensor:
    """How bright each pixel is, which leaves the shape of a spectrum when taken off.

    Args:
        images: [B, K, S, S] as stored.
        logs: The same, see `above`. What is usual is off, so that it does not matter which
            channels there are.

    Returns:
        [B, 1, S, S]; NaN of a pixel that is zero in all channels: padding, which has no shape.
    """
    dark = (images == 0).all(dim=1, keepdim=True)
    return logs.mean(dim=1, keepdim=True).masked_fill_(dark, float("nan"))


def in_unit(shapes: Tensor, *, cut: bool = True) -> Tensor:
    """Shapes around 0 to [0, 1], in place; what has none is in the middle.

    Args:
        shapes: In `2 * DEVIATIONS` deviations.
        cut: Whether what is beyond is cut off.
    """
    found = shapes.nan_to_num_(0).add_(MIDDLE)
    return found.clamp_(0, 1) if cut else found


def whitened(shapes: Tensor, factors: Tensor, *, exact: bool = False) -> Tensor:
    """Makes what varies inside one object vary alike in every direction, as far as is known of it.

    With C the covariance of channels that factors tell, F F', and e a share `LEAST_VARIANCE` of
    its largest eigenvalue, (C + e)^(-1/2) x: of all whitenings the one that moves channels least
    (ZCA). Causes that move pixels of one object much, as light and shade do, tell objects apart
    little.

    Args:
        shapes: [B, K, S, S] in deviations of each channel; of a pixel without a shape NaN.
        factors: [K, F] see `Batch`.
        exact: Whether to compute in float64. Channels nearly cancel here, and where means over
            many pixels are taken, rounding of the weights is the same in all of them.

    Returns:
        [B, K, S, S] float32, or float64 where that is computed in; inside an object of one
        deviation in every direction that `LEAST_VARIANCE` leaves.
    """
    kind = torch.float64 if exact else torch.float32
    own = factors.double()
    values, vectors = torch.linalg.eigh(own.T @ own)  # small, however many channels there are
    floor = LEAST_VARIANCE * values[-1].clamp(min=1e-12)
    known = values > floor * 1e-3
    gains = torch.where(known, ((values + floor) ** -0.5 - floor**-0.5) / values, 0.0)
    inner = (vectors * gains) @ vectors.T
    flat = shapes.to(kind).flatten(2)
    if len(own) <= 2 * own.shape[1]:  # one product is no more work, and rounds less
        whole = own @ inner @ own.T
        whole.diagonal().add_(floor**-0.5)
        mixed: Tensor = whole.to(kind) @ flat
        return mixed.view_as(shapes)
    own, inner, plain = own.to(kind), inner.to(kind), (floor**-0.5).to(kind)
    moved = own @ (inner @ (own.T @ flat))
    return torch.addcmul(moved, flat, plain).view_as(shapes)
