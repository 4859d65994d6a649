"""Stochastic depth: branches of the encoder that count nothing, or more, as the caller says."""

import pytest
import torch

from bimae.model.trunk import Encoder
from bimae.train.engine import _compile
from tests.model.small import CONFIG


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(CONFIG)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(4, 5, CONFIG.width, generator=torch.Generator().manual_seed(1))


def keep(*branches: float) -> torch.Tensor:
    """The same for all of four samples."""
    return torch.tensor(branches).view(1, CONFIG.depth, 2).expand(4, -1, -1)


def test_to_keep_all_is_what_happens_without(encoder: Encoder, x: torch.Tensor) -> None:
    assert torch.equal(encoder(x, keep(1, 1, 1, 1)), encoder(x))


def test_to_drop_all_leaves_the_norm(encoder: Encoder, x: torch.Tensor) -> None:
    assert torch.equal(encoder(x, keep(0, 0, 0, 0)), encoder[-1](x))


def test_each_branch_is_multiplied_by_its_own(encoder: Encoder, x: torch.Tensor) -> None:
    first, second, norm = encoder
    y = x + 2 * first.attention(first.norm1(x))
    y = y + 1.5 * second.mlp(second.norm2(y))
    torch.testing.assert_close(encoder(x, keep(2, 0, 0, 1.5)), norm(y))


def test_each_sample_has_its_own(encoder: Encoder, x: torch.Tensor) -> None:
    mixed = torch.ones(4, CONFIG.depth, 2)
    mixed[1] = 0
    found = encoder(x, mixed)
    torch.testing.assert_close(found[0], encoder(x)[0])
    torch.testing.assert_close(found[1], encoder[-1](x)[1])


def test_a_dropped_branch_does_not_learn(encoder: Encoder, x: torch.Tensor) -> None:
    encoder(x, keep(0, 1, 1, 1)).square().sum().backward()
    dropped, kept = encoder[0].attention.qkv.weight.grad, encoder[0].mlp[0].weight.grad
    assert dropped is not None
    assert kept is not None
    assert not dropped.any()
    assert kept.any()


def test_computing_blocks_again_changes_nothing(encoder: Encoder, x: torch.Tensor) -> None:
    found = []
    for again in (False, True):
        encoder.zero_grad()
        encoder.checkpointed = again
        out = encoder(x, keep(1, 0, 1.25, 1.25))
        (out * torch.arange(CONFIG.width)).sum().backward()
        found.append([out.detach(), *(p.grad.clone() for p in encoder.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_tokens_keep_their_type(encoder: Encoder, x: torch.Tensor) -> None:
    assert encoder.bfloat16()(x.bfloat16(), keep(1, 0, 1, 1)).dtype is torch.bfloat16


def test_blocks_that_drop_share_their_compiled_code(
    encoder: Encoder, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph.forward

    def compile_(function: object, **options: object) -> object:
        return real(function, **options, backend=backend, fullgraph=True)  # type: ignore[call-overload]

    x.requires_grad_()  # as tokens do, from the first block on
    expected = [encoder(x, keep(1, 0, 2, 1)), encoder(x, keep(0, 2, 1, 1)), encoder(x)]
    real = torch.compile
    monkeypatch.setattr(torch, "compile", compile_)
    torch.compiler.reset()
    _compile(encoder)
    found = [encoder(x, keep(1, 0, 2, 1)), encoder(x, keep(0, 2, 1, 1))]
    assert len(graphs) == 1  # whatever is dropped, in any block
    found.append(encoder(x))
    assert len(graphs) == 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    torch.compiler.reset()
