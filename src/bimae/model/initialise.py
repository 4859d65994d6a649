"""Where training starts: weights drawn from one generator, and positions that mean something.

Found by measurement on short runs (docs/findings.md): with positions of 0.02 and patches that are
not centred, pretraining stays at the mean image several times longer.
"""

import torch
from torch import Tensor, nn

from bimae.model.blocks import EncoderBlock
from bimae.model.config import ModelConfig
from bimae.model.positions import FREQUENCIES, grid_positions, line_positions
from bimae.model.tokenizers import Tokenizer

MIDDLE = 0.5  # of the range [0, 1] that every patch lies in


def initialise(module: nn.Module, config: ModelConfig, generator: torch.Generator) -> None:
    """Draws every weight below `module` from `generator`.

    Linear: Xavier uniform, bias zero (He et al. 2022); norms: one and zero; tokens: normal with
    standard deviation 0.02. Positions are learned, but start as sines and cosines, so that
    neighbouring bands and tiles start out alike and a position is as large as a token. A
    projection's bias starts where a mid-grey patch gives a token of zero: patches lie in [0, 1],
    and their common part would drown what tells them apart.

    Where bands have weights that their images are multiplied by, a model starts close to one that
    is linear in mean spectra, which learns from few samples: these weights are normal with
    deviation 1, a projection is the mean of the image and a tenth of what it would be otherwise,
    and so are the branches of the blocks.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LayerNorm):
            part.reset_parameters()
        elif not isinstance(part, Tokenizer):
            for parameter in part.parameters(recurse=False):
                nn.init.normal_(parameter, std=0.02, generator=generator)
    tables = {"hs": line_positions(torch.arange(config.bands), config.width)}
    tables["rgb"] = grid_positions(config.grid, config.width)
    with torch.no_grad():
        for name, part in module.named_modules():
            if isinstance(part, Tokenizer):
                if part.products:
                    _start_at_means(module, part, generator)
                part.projection.bias.copy_(-MIDDLE * part.projection.weight.sum(dim=1))
                if isinstance(part.positions, Tensor):
                    part.positions.copy_(tables[name.rpartition(".")[2]])
                else:
                    nn.init.zeros_(part.positions.out.weight)  # sines and cosines to start with


def _start_at_means(module: nn.Module, part: Tokenizer, generator: torch.Generator) -> None:
    for block in module.modules():
        if isinstance(block, EncoderBlock):
            for last in (block.attention.out, list(block.mlp)[-1]):
                last.get_parameter("weight").mul_(0.1)
    weight, own = part.projection.weight, part.positions
    mean = torch.randn(len(weight), 1, generator=generator) * (2 / weight.shape[1] ** 0.5)
    weight.copy_(0.1 * weight + mean)
    if isinstance(own, Tensor):
        nn.init.normal_(part.factors, generator=generator)
    else:  # of the features, sines and cosines of FREQUENCIES waves, the squares sum to that
        nn.init.normal_(own.products.weight, std=FREQUENCIES**-0.5, generator=generator)
