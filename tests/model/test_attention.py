"""Attention in bfloat16 is that of float32, forward and backward, as near as bfloat16 goes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.model.attention import attend, self_attend


def plain(packed: torch.Tensor, heads: int) -> torch.Tensor:
    batch, count, width = packed.shape
    d = width // (3 * heads)
    query, key, value = packed.view(batch, count, 3, heads, d).permute(2, 0, 3, 1, 4)
    weights = (query @ key.transpose(-1, -2) / d**0.5).softmax(dim=-1)
    return (weights @ value).transpose(1, 2).flatten(2)


@pytest.mark.parametrize(("kind", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@given(
    batch=st.integers(1, 3),
    count=st.integers(1, 20),
    heads=st.integers(1, 3),
    d=st.sampled_from([4, 8]),
)
def test_self_attention(
    kind: torch.dtype, near: float, batch: int, count: int, heads: int, d: int
) -> None:
    generator = torch.Generator().manual_seed(count)
    packed = torch.randn(batch, count, 3 * heads * d, generator=generator).to(kind)
    upstream = torch.randn(batch, count, heads * d, generator=generator)
    found = packed.clone().requires_grad_()
    expected = packed.double().requires_grad_()
    out, exact = self_attend(found, heads), plain(expected, heads)
    assert out.dtype is kind
    assert (out - exact).norm() <= near * exact.norm()
    out.backward(upstream.to(kind))
    exact.backward(upstream.double())
    assert found.grad is not None
    assert expected.grad is not None
    far = (found.grad - expected.grad).norm()
    assert far <= near * 2 * expected.grad.norm() + 1e-3 * near


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_attention_to_other_tokens(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(2, 3, count, 8, generator=generator).to(kind) for count in (5, 7, 7)
    )
    weights = (query.double() @ key.double().transpose(-1, -2) / 8**0.5).softmax(dim=-1)
    exact = (weights @ value.double()).transpose(1, 2).flatten(2)
    found = attend(query, key, value)
    assert found.shape == (2, 5, 24)
    assert (found - exact).norm() <= 1e-2 * exact.norm()
