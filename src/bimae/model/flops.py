"""How many floating point operations a sample costs, counted from the sizes alone.

Only matrix products and attention are counted (a multiplication and an addition are two): norms,
activations and the softmax are a few per cent of the operations, and their time is a matter of
memory. The backward pass takes two products for each of the forward pass, for the gradients of
both factors, but one where a factor is the image, whose gradient nobody needs. What an
implementation computes twice to save memory is not counted: these are the operations of the task.

Shapes: N tokens, M tokens attended to, D width, H heads, d width of a head, V values in a patch.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bimae.model.blocks import Decoder, Fusion
from bimae.model.classifier_config import ClassifierConfig
from bimae.model.config import ModelConfig


@dataclass(frozen=True)
class Part:
    """Operations of one part of a model for one sample.

    Attributes:
        forward: Of the forward pass.
        backward: Of the backward pass.
    """

    forward: float
    backward: float

    @property
    def total(self) -> float:
        """Of both passes."""
        return self.forward + self.backward

    def __add__(self, other: "Part") -> "Part":
        return Part(self.forward + other.forward, self.backward + other.backward)

    def __mul__(self, times: float) -> "Part":
        return Part(self.forward * times, self.backward * times)


@dataclass(frozen=True)
class Flops:
    """Operations of one training step for one sample.

    Attributes:
        parts: Of each part, in the order in which data flow through them.
    """

    parts: dict[str, Part]

    @property
    def forward(self) -> float:
        """Of the forward pass, which is all that inference takes."""
        return sum(part.forward for part in self.parts.values())

    @property
    def backward(self) -> float:
        """Of the backward pass."""
        return sum(part.backward for part in self.parts.values())

    @property
    def total(self) -> float:
        """Of both passes."""
        return self.forward + self.backward


def pretraining(config: ModelConfig) -> Flops:
    """Operations of one pretraining step for one sample: tokenizers, encoder, fusion, decoders.

    The two mask patches are projected once a step whatever the batch, which no sample is charged
    for.

    Args:
        config: Sizes and masks.
    """
    hs, rgb = config.hs_counts, config.rgb_counts
    seen = hs.keep + rgb.keep + 1  # with the global token
    return Flops(
        {
            "tokenizers": _tokenizers(config, hs.keep, rgb.keep),
            "encoder": _encoder(config, seen),
            "fusion": _fusion(config, hs.targets + rgb.targets, seen),
            "decoders": _decoder(config, hs.targets, config.hs_patch)
            + _decoder(config, rgb.targets, config.rgb_patch),
        }
    )


def classifying(config: ClassifierConfig) -> Flops:
    """Operations of one fine-tuning step for one sample: tokenizers, encoder, head.

    Args:
        config: Sizes, and what the classifier reads; one channel is one token.
    """
    model = config.model
    channels = 0 if config.modality == "rgb" else len(config.bands)
    tiles = 0 if config.modality == "hs" else model.tiles
    tokens = channels + tiles + (config.pool == "token")
    return Flops(
        {
            "tokenizers": _tokenizers(model, channels, tiles),
            "encoder": _encoder(model, tokens),
            "head": _linear(1, model.width, len(config.classes)),
        }
    )


def _linear(tokens: int, wide: int, out: int, *, of_image: bool = False) -> Part:
    """A product of [N, wide] with a matrix of weights [wide, out]."""
    product = 2.0 * tokens * wide * out
    return Part(product, product if of_image else 2 * product)


def _attend(queries: int, memory: int, inner: int) -> Part:
    """softmax(q k^T) v: two products of N x M x (H*d), each with two varying factors."""
    products = 2 * 2.0 * queries * memory * inner
    return Part(products, 2 * products)


def _sum(parts: Iterable[Part]) -> Part:
    return sum(parts, Part(0.0, 0.0))


def _tokenizers(config: ModelConfig, channels: int, tiles: int) -> Part:
    return _linear(channels, config.hs_patch, config.width, of_image=True) + _linear(
        tiles, config.rgb_patch, config.width, of_image=True
    )


def _encoder(config: ModelConfig, tokens: int) -> Part:
    width, inner = config.width, config.heads * config.head_width
    hidden = int(width * config.mlp_ratio)
    block = (
        _linear(tokens, width, 3 * inner),
        _attend(tokens, tokens, inner),
        _linear(tokens, inner, width),
        _linear(tokens, width, hidden),
        _linear(tokens, hidden, width),
    )
    return _sum(block) * config.depth


def _fusion(config: ModelConfig, queries: int, memory: int) -> Part:
    width = config.width
    inner = config.fusion_heads * -(-width // config.fusion_heads)  # heads are rounded up
    hidden = Fusion.MLP_RATIO * width
    return _sum(
        (
            _linear(queries, width, inner),
            _linear(memory, width, 2 * inner),
            _attend(queries, memory, inner),
            _linear(queries, inner, width),
            _linear(queries, width, hidden),
            _linear(queries, hidden, width),
        )
    )


def _decoder(config: ModelConfig, targets: int, patch: int) -> Part:
    width, hidden = config.decoder_width, Decoder.MLP_RATIO * config.decoder_width
    return _sum(
        (
            _linear(targets, config.width, width),
            _linear(targets, width, hidden),
            _linear(targets, hidden, width),
            _linear(targets, width, patch),
        )
    )
