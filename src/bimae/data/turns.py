"""Images turned upside down and left to right, each as was drawn for it."""

import torch
from torch import Tensor


def turned(images: Tensor, turns: Tensor | None, axes: tuple[int, int], *, own: bool) -> Tensor:
    """Each image upside down, left to right, or both, as `turns` [B, 2] say; `axes` of the batch.

    Args:
        images: [B, ...]
        turns: What to do with each; None: nothing.
        axes: Axes of rows and columns.
        own: Whether `images` may be written to.
    """
    if turns is None:
        return images
    if images.device.type != "cpu" or torch.compiler.is_compiling():
        return turned_at_once(images, turns, axes)
    images = images if own else images.clone()
    for image, turn in zip(images, turns.tolist(), strict=True):
        if any(turn):
            image.copy_(image.flip([a - 1 for a, chosen in zip(axes, turn, strict=True) if chosen]))
    return images


def turned_at_once(images: Tensor, turns: Tensor, axes: tuple[int, int]) -> Tensor:
    """The same without a look at `turns`, which stops a GPU and which no compiler can follow."""
    for which, axis in enumerate(axes):
        chosen = turns[:, which].view(-1, *[1] * (images.dim() - 1))
        images = torch.where(chosen, images.flip(axis), images)
    return images
