"""The parts of a pre-norm vision transformer (Dosovitskiy et al. 2021, equations 2 and 3).

Shapes: B batch, N tokens, M tokens attended to, D width, H heads, d width of a head.
"""

from torch import Tensor, nn

from bimae.model.attention import attend, self_attend

NORM_EPSILON = 1e-6  # the authors' value; the default of torch is 1e-5


class LayerNorm(nn.LayerNorm):
    """LayerNorm over the token width with the project's epsilon.

    Scale and shift stay in float32 where the tokens are bfloat16; the sums are float32 in any case.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D], in the type of `x`."""
        scale: Tensor = self.weight
        shift: Tensor = self.bias
        if x.is_cuda:  # whose kernel, unlike that of the CPU, wants one type for all three
            scale, shift = scale.to(x.dtype), shift.to(x.dtype)
        return nn.functional.layer_norm(x, self.normalized_shape, scale, shift, self.eps)


class SelfAttention(nn.Module):
    """Multi-head self-attention with query, key and value in one product."""

    def __init__(self, width: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * heads * head_dim)
        self.out = nn.Linear(heads * head_dim, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, D] to [B, N, D]."""
        out: Tensor = self.out(self_attend(self.qkv(x), self.heads))
        return out


class CrossAttention(nn.Module):
    """Multi-head attention from queries to other tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # Widths that the heads do not divide get slightly wider heads instead of an error.
        inner = heads * -(-width // heads)
        self.query = nn.Linear(width, inner)
        self.key_value = nn.Linear(width, 2 * inner)
        self.out = nn.Linear(inner, width)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Queries [B, N, D] attending to memory [B, M, D], to [B, N, D]."""
        query = self.query(queries).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            self.key_value(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        out: Tensor = self.out(attend(query, key, value))
        return out


class Mlp(nn.Sequential):
    """Linear, exact GELU, Linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class EncoderBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, head_dim: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attention = SelfAttention(width, heads, head_dim)
        self.norm2 = LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[B, N, D] to [B, N, D].

        Args:
            x: Tokens.
            keep: [B, 2] what attention and mlp of each sample are multiplied by: 0 where that
                branch is dropped (stochastic depth, Huang et al. 2016); None: both count once.
        """
        attended: Tensor = self.attention(self.norm1(x))
        x = x + (attended if keep is None else attended * _each(keep[:, 0], x))
        changed: Tensor = self.mlp(self.norm2(x))
        return x + (changed if keep is None else changed * _each(keep[:, 1], x))


def _each(factor: Tensor, x: Tensor) -> Tensor:
    """[B] as a factor of the samples of `x` [B, N, D], in its type."""
    return factor.to(x.dtype)[:, None, None]


class Fusion(nn.Module):
    """One cross-attention block: what is hidden asks what was seen (paper, section 3)."""

    MLP_RATIO = 2

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_query = LayerNorm(width)
        self.norm_memory = LayerNorm(width)
        self.attention = CrossAttention(width, heads)
        self.norm_mlp = LayerNorm(width)
        self.mlp = Mlp(width, self.MLP_RATIO * width)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Queries [B, N, D], encoded tokens with their positions [B, M, D], to [B, N, D]."""
        x = queries + self.attention(self.norm_query(queries), self.norm_memory(memory))
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


class Decoder(nn.Sequential):
    """Fused token to the values of its patch, in [0, 1]; the same weights for every token.

    The authors flatten all tokens into one dense layer (215 M + 128 M weights in tiny); tokens
    come in random order, so weights tied to a place have no meaning.
    """

    MLP_RATIO = 4

    def __init__(self, width: int, decoder_width: int, patch: int) -> None:
        super().__init__(
            nn.Linear(width, decoder_width),
            LayerNorm(decoder_width),
            Mlp(decoder_width, self.MLP_RATIO * decoder_width),
            LayerNorm(decoder_width),
            nn.Linear(decoder_width, patch),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [B, N, D] to patches [B, N, V], float32."""
        # Of the 256 steps between 0 and 1 that an image has, bfloat16 tells half apart near 1.
        for layer in self:
            x = layer(x)
        return x.float().sigmoid()


# The parts of a model whose steps between the products are best made one by a compiler.
WORTH_COMPILING = (EncoderBlock, Fusion, Decoder)
