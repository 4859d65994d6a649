"""Images to tokens' raw values and back.

Shapes: B batch, C bands, G tiles along a side, P side of a tile.
"""

from torch import Tensor


def patchify_rgb(rgb: Tensor, patch_size: int) -> Tensor:
    """RGB image [B, 3, H, W] to its tiles [B, G*G, P*P*3].

    A tile is flattened as (row, column, channel), as in the authors' code. Tiles run row by row.
    """
    B, channels, height, width = rgb.shape
    P = patch_size
    tiles = rgb.reshape(B, channels, height // P, P, width // P, P)
    return tiles.permute(0, 2, 4, 3, 5, 1).reshape(B, -1, P * P * channels)


def patchify_rgb_last(rgb: Tensor, patch_size: int) -> Tensor:
    """The same tiles of an image with its channels last, [B, H, W, 3], as cameras deliver them.

    Whole lines of a tile are moved at a time.
    """
    B, height, width, channels = rgb.shape
    P = patch_size
    lines = rgb.reshape(B, height // P, P, width // P, P * channels)
    return lines.transpose(2, 3).reshape(B, -1, P * P * channels)


def unpatchify_rgb(tiles: Tensor, patch_size: int) -> Tensor:
    """The inverse of `patchify_rgb` for square images: [B, G*G, P*P*3] to [B, 3, G*P, G*P]."""
    B, count, values = tiles.shape
    P, G = patch_size, round(count**0.5)
    rgb = tiles.reshape(B, G, G, P, P, values // (P * P))
    return rgb.permute(0, 5, 1, 3, 2, 4).reshape(B, -1, G * P, G * P)


def patchify_hs(hs: Tensor) -> Tensor:
    """Spectral images [B, C, h, w] to one flat patch per band [B, C, h*w], row by row."""
    return hs.flatten(2)


def unpatchify_hs(patches: Tensor, size: int) -> Tensor:
    """The inverse of `patchify_hs` for square images: [B, C, s*s] to [B, C, s, s]."""
    return patches.reshape(*patches.shape[:2], size, size)
