"""Attention of some dozens of tokens: what is fastest where.

Shapes: B batch, N tokens, M tokens attended to, H heads, d width of a head.
"""

from typing import Any

import torch
from torch import Tensor, nn


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v for [B, H, N, d], [B, H, M, d], [B, H, M, d] to [B, N, H*d]."""
    if query.dtype is torch.bfloat16 and not query.is_cuda:
        # For some dozens of tokens two plain products beat the fused kernel of the CPU, whose
        # products are not those of bf16 units (docs/performance.md).
        weights = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        mixed = weights.softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value
    else:
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
    out: Tensor = mixed.transpose(1, 2).flatten(2)
    return out


def self_attend(packed: Tensor, heads: int) -> Tensor:
    """The same for query, key and value side by side, [B, N, 3*H*d] to [B, N, H*d]."""
    if packed.dtype is torch.bfloat16 and not packed.is_cuda and not torch.compiler.is_compiling():
        return _Packed.apply(packed, heads)  # type: ignore[no-any-return, no-untyped-call]
    query, key, value = packed.view(*packed.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
    return attend(query, key, value)


class _Packed(torch.autograd.Function):
    """Self-attention in bfloat16 with one copy of queries, keys and values each way.

    Autograd copies each of the three, and scales and sums their gradients, by itself; and the
    softmax of a CPU takes four times as long in bfloat16 as in float32.
    """

    @staticmethod
    def forward(ctx: Any, packed: Tensor, heads: int) -> Tensor:
        batch, count, width = packed.shape
        d = width // (3 * heads)
        parts = packed.view(batch, count, 3, heads, d).permute(2, 0, 3, 1, 4).contiguous()
        query, key, value = parts.view(3, batch * heads, count, d)
        scores = torch.bmm(query, key.transpose(1, 2)).float().mul_(d**-0.5)
        weights = scores.softmax(dim=-1).to(packed.dtype)
        ctx.save_for_backward(parts, weights)
        mixed = torch.bmm(weights, value).view(batch, heads, count, d)
        return mixed.transpose(1, 2).reshape(batch, count, heads * d)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        parts, weights = ctx.saved_tensors
        _, batch, heads, count, d = parts.shape
        query, key, value = parts.view(3, batch * heads, count, d)
        gradient = upstream[0].view(batch, count, heads, d).transpose(1, 2)
        gradient = gradient.reshape(batch * heads, count, d)
        found = torch.empty_like(parts)
        of_query, of_key, of_value = found.view(3, batch * heads, count, d)
        torch.bmm(weights.transpose(1, 2), gradient, out=of_value)
        of_weights = torch.bmm(gradient, value.transpose(1, 2))
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        of_scores = of_scores.mul_(d**-0.5)
        torch.bmm(of_scores, key, out=of_query)
        torch.bmm(of_scores.transpose(1, 2), query, out=of_key)
        return found.permute(1, 3, 0, 2, 4).reshape(batch, count, 3 * heads * d), None
