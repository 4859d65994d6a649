"""The forward pass of a classifier with its attention written out.

The model's own forward pass (`model/attention.py`) never holds the attention weights, which is what
makes it fast. Here they are wanted: who looked at whom, and what hangs on that. A test holds both
passes to the same answers.

Shapes: B batch, n channels, S side of a spectral image, H side of the RGB image, K classes, N
tokens, h heads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.model import SeedClassifier
from bimae.model.blocks import EncoderBlock, SelfAttention
from bimae.model.trunk import Bands


@dataclass(frozen=True)
class Attended:
    """What came of the written-out pass; all of it hangs together for gradients.

    Attributes:
        logits: [B, K].
        weights: Of each block [B, h, N, N]: how much each token (row) takes of each (column).
        said: [B, N, K] what each token says by itself, of which `logits` is the mean (pool mean),
            but for what a discriminant beside the network adds; None where the pool is another.
        bands: Tokens that are bands; they come first.
        tiles: Tokens that are RGB tiles; they come after the bands.
    """

    logits: Tensor
    weights: list[Tensor]
    said: Tensor | None
    bands: int
    tiles: int


def attended(
    model: SeedClassifier,
    hs: Tensor | None = None,
    rgb: Tensor | None = None,
    bands: Bands = None,
) -> Attended:
    """Runs a classifier with its attention written out; arguments as `SeedClassifier.features`.

    Gradients reach the weights also where those of the model are frozen. Memory grows with the
    square of the tokens: blocks x heads x N x N numbers of each sample.

    Raises:
        ModelError: As the model's own pass.
    """
    looks = model.config.modality
    hs, rgb = hs if looks != "rgb" else None, rgb if looks != "hs" else None
    with torch.no_grad():
        tokens = model.tokens(hs, rgb, bands)
    with torch.enable_grad():
        tokens.requires_grad_()
        x = model.trunk.with_global(tokens) if model.config.pool == "token" else tokens
        weights = []
        for block in model.trunk.encoder:
            if isinstance(block, EncoderBlock):
                x, own = _block(block, x)
                weights.append(own)
        logits, said = _answer(model, x)
    beside = model.beside(hs, rgb, bands)  # averages of pixels, which no token carries
    if beside is not None:
        logits = beside[2] * logits + beside[0]
    shown = 0 if hs is None else hs.shape[1]
    return Attended(logits, weights, said, shown, tokens.shape[1] - shown)


def _block(block: EncoderBlock, x: Tensor) -> tuple[Tensor, Tensor]:
    """[B, N, D] to the same after a block, and its attention [B, h, N, N]."""
    mixed, weights = _attention(block.attention, block.norm1(x))
    x = x + mixed
    return x + block.mlp(block.norm2(x)), weights


def _attention(layer: SelfAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    packed = layer.qkv(x)
    parts = packed.view(*packed.shape[:2], 3, layer.heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts  # [B, h, N, d] each
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    weights = scores.softmax(dim=-1)
    mixed: Tensor = layer.out((weights @ value).transpose(1, 2).flatten(2))
    return mixed, weights


def _answer(model: SeedClassifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits of what the last block left, and what each token says where they are its mean."""
    norm, pool = model.trunk.encoder.norm, model.config.pool
    if pool == "raw_mean":
        return model.head(model.norm(norm(x.mean(dim=1)))), None
    said = model.head(model.norm(norm(x)))
    return (said[:, -1], None) if pool == "token" else (said.mean(dim=1), said)
