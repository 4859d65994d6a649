"""The authors' released weights, read into ours: names and shapes of their Keras 3 file.

What transfers is what both compute alike: the two tokenizers, the mask patches and the encoder.
Their global token was never trained, their decoders tie weights to places of randomly ordered
tokens, and their fusion block is another one; these stay fresh in the model made here.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.errors import ModelError
from bimae.model.bimae import BiMAE
from bimae.model.config import ModelConfig

Arrays = Mapping[str, NDArray[np.float32]]

_HS = "hs_patch_encoder"
_RGB = "layers/rgb__patch_encoder"
_BLOCK = "encoder/layers/vi_t_block"
_NORM = "encoder/layers/layer_normalization"


def from_official(arrays: Arrays, where: str) -> BiMAE:
    """A BiMAE whose tokenizers and encoder are the authors'.

    Args:
        arrays: Every data set of their `.weights.h5` file by its path.
        where: The file's name, for messages.

    Returns:
        The model; sizes are read from the shapes.

    Raises:
        ModelError: Weights are missing, or have shapes that no such model has.
    """
    take = _Reader(arrays, where)
    config = _sizes(take)
    model = BiMAE(config)
    state = {
        "hs_mask_patch": take(f"{_HS}/vars/hs_mask_token").flatten(),
        "rgb_mask_patch": take(f"{_RGB}/vars/0").flatten(),
        **_tokenizer(take, "trunk.hs", _HS),
        **_tokenizer(take, "trunk.rgb", _RGB),
        **_norm(take, f"trunk.encoder.{config.depth}", _NORM),
    }
    for i in range(config.depth):
        state |= _block(take, f"trunk.encoder.{i}", _block_name(i))
    expected = model.state_dict()
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise ModelError(
                f"{where}: {name} would have shape {list(value.shape)}, expected "
                f"{list(expected[name].shape)}; this is not a BiMAE pretraining file"
            )
    model.load_state_dict({**expected, **state})
    return model.eval()


class _Reader:
    """Looks a weight up by its path in the file; says which one is missing."""

    def __init__(self, arrays: Arrays, where: str) -> None:
        self.arrays, self.where = arrays, where

    def __call__(self, name: str) -> Tensor:
        if name not in self.arrays:
            raise ModelError(
                f"{self.where}: no weights named {name!r}; the file that the authors' "
                "`save_weights` writes after pretraining is expected"
            )
        return torch.from_numpy(np.array(self.arrays[name], dtype=np.float32))


def _block_name(i: int) -> str:
    return _BLOCK if i == 0 else f"{_BLOCK}_{i}"


def _sizes(take: _Reader) -> ModelConfig:
    """Every size from the shapes: D, heads, head width, depth, bands, tiles, image sizes."""
    depth = 0
    while f"{_block_name(depth)}/norm1/vars/0" in take.arrays:
        depth += 1
    hs_values, width = take(f"{_HS}/projection/vars/0").shape
    rgb_values, _ = take(f"{_RGB}/projection/vars/0").shape
    tiles, _ = take(f"{_RGB}/pos_embedding/vars/0").shape
    _, heads, head_dim = take(f"{_BLOCK}/attn/query_dense/vars/0").shape
    hidden = take(f"{_BLOCK}/mlp/fc1/vars/0").shape[1]
    hs_size, grid = round(hs_values**0.5), round(tiles**0.5)
    patch_size = round((rgb_values / 3) ** 0.5)
    return ModelConfig(
        name="official",
        width=width,
        depth=depth,
        heads=heads,
        head_dim=head_dim,
        mlp_ratio=hidden / width,
        decoder_width=take("hs_decoder/layers/dense/vars/0").shape[1],
        bands=take(f"{_HS}/pos_embedding/vars/0").shape[0],
        hs_size=hs_size,
        rgb_size=grid * patch_size,
        patch_size=patch_size,
    )


def _tokenizer(take: _Reader, ours: str, theirs: str) -> dict[str, Tensor]:
    return {
        **_linear(take, f"{ours}.projection", f"{theirs}/projection"),
        f"{ours}.positions": take(f"{theirs}/pos_embedding/vars/0"),
    }


def _linear(take: _Reader, ours: str, theirs: str) -> dict[str, Tensor]:
    # Keras keeps (in, out), torch (out, in)
    return {
        f"{ours}.weight": take(f"{theirs}/vars/0").T,
        f"{ours}.bias": take(f"{theirs}/vars/1"),
    }


def _norm(take: _Reader, ours: str, theirs: str) -> dict[str, Tensor]:
    return {
        f"{ours}.weight": take(f"{theirs}/vars/0"),
        f"{ours}.bias": take(f"{theirs}/vars/1"),
    }


def _block(take: _Reader, ours: str, theirs: str) -> dict[str, Tensor]:
    # query, key, value: (D, heads, head_dim) each, one under the other in our single product
    parts = [f"{theirs}/attn/{name}_dense/vars" for name in ("query", "key", "value")]
    return {
        f"{ours}.attention.qkv.weight": torch.cat([take(f"{p}/0").flatten(1).T for p in parts]),
        f"{ours}.attention.qkv.bias": torch.cat([take(f"{p}/1").flatten() for p in parts]),
        # output: (heads, head_dim, D)
        f"{ours}.attention.out.weight": take(f"{theirs}/attn/output_dense/vars/0").flatten(0, 1).T,
        f"{ours}.attention.out.bias": take(f"{theirs}/attn/output_dense/vars/1"),
        **_norm(take, f"{ours}.norm1", f"{theirs}/norm1"),
        **_norm(take, f"{ours}.norm2", f"{theirs}/norm2"),
        **_linear(take, f"{ours}.mlp.0", f"{theirs}/mlp/fc1"),
        **_linear(take, f"{ours}.mlp.2", f"{theirs}/mlp/fc2"),
    }
