"""The engine gives what one plain pass gives, however it cuts a batch and whoever computes."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bimae.data.batch import Batch
from bimae.model import BiMAE
from bimae.model.masking import draw_masks
from bimae.train import engine
from bimae.train.engine import Engine, Figures, Found
from bimae.train.options import PretrainOptions
from bimae.train.pretraining import Masked, PretrainTask
from tests.model.small import CONFIG, images


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Rows:
    """A batch of nothing but rows."""

    x: torch.Tensor

    def __len__(self) -> int:
        return len(self.x)

    def part(self, where: slice) -> "Rows":
        return Rows(self.x[where])


def plain(model: nn.Module, rows: Rows) -> Found:
    out = model(rows.x)
    return Found({"loss": out.square().mean(), "largest": out.abs().mean()}, out.detach())


def gradients(model: nn.Module) -> list[torch.Tensor]:
    found = [p.grad for p in model.parameters()]
    assert all(g is not None for g in found)
    return found  # type: ignore[return-value]


@settings(deadline=None, max_examples=25)
@given(
    samples=st.integers(1, 40),
    at_once=st.integers(1, 20),
    parts=st.integers(1, 5),
    weight=st.sampled_from([1.0, 0.75]),
)
def test_parts_add_up_to_the_whole(samples: int, at_once: int, parts: int, weight: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 2))
    x = torch.randn(samples, 4)
    expected, each = plain(model, Rows(x))
    (expected["loss"] * weight).backward()
    wanted = [g.clone() for g in gradients(model)]
    model.zero_grad()
    found = Engine(model, at_once=at_once, parts=parts).means(plain, Rows(x), weight=weight)
    found.figures["loss"].backward()
    torch.testing.assert_close(found.each, each)  # in the order of the samples
    for name, value in expected.items():
        torch.testing.assert_close(found.figures[name], value)
    for one, other in zip(gradients(model), wanted, strict=True):
        torch.testing.assert_close(one, other)


def batch_of(count: int, device: torch.device) -> Masked:
    hs, rgb = (image.to(device) for image in images(count))
    batch = Batch(
        torch.arange(count, device=device), hs=hs, rgb=rgb.permute(0, 2, 3, 1).contiguous(),
        turns=torch.tensor([[n % 2 > 0, n % 3 > 0] for n in range(count)], device=device),
    )  # fmt: skip
    masks = draw_masks(CONFIG, count, generator=torch.Generator().manual_seed(1), device=device)
    return Masked(batch, *masks)


def pretraining(computing: Engine, count: int) -> Figures:
    device = next(computing.model.parameters()).device
    task = PretrainTask(computing.model, PretrainOptions(Path("none")), computing)  # type: ignore[arg-type]
    return computing.means(task._losses, batch_of(count, device)).figures


def test_a_pretraining_step_and_its_repetition_are_equal_to_the_bit() -> None:
    steps = []
    for _ in range(2):
        model = BiMAE(CONFIG)
        pretraining(Engine(model, at_once=2), 11)["loss"].backward()
        steps.append(gradients(model))
    for one, other in zip(*steps, strict=True):
        assert torch.equal(one, other)


def test_gradients_are_handed_over_and_not_copied() -> None:
    model = nn.Linear(3, 2)
    loss = Engine(model).means(plain, Rows(torch.ones(4, 3))).figures["loss"]
    (context,) = {loss.grad_fn}
    address = context.gradients[0].data_ptr()  # type: ignore[union-attr]
    loss.backward()
    assert model.weight.grad is not None
    assert model.weight.grad.data_ptr() == address


def test_computing_blocks_again_changes_nothing() -> None:
    found = []
    for again in (False, True):
        model = BiMAE(CONFIG)
        model.trunk.encoder.checkpointed = again
        pretraining(Engine(model, at_once=2), 6)["loss"].backward()
        found.append(gradients(model))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_without_gradients_nothing_is_kept() -> None:
    model = BiMAE(CONFIG)
    with torch.no_grad():
        loss = pretraining(Engine(model), 5)["loss"]
    assert not loss.requires_grad
    with torch.inference_mode():
        again = pretraining(Engine(model, precision="bf16-mixed"), 5)["loss"]
    torch.testing.assert_close(again, loss, rtol=0.01, atol=0)


def test_an_error_in_one_part_is_told_and_nobody_waits() -> None:
    model = nn.Linear(3, 2)
    second = threading.Event()

    def forward(work: nn.Module, rows: Rows) -> Found:
        if number := int(rows.x[0, 0]):
            second.set()
            raise ValueError(f"part at {number}")
        assert second.wait(60)
        return plain(work, rows)

    with pytest.raises(ValueError, match="part at"):
        Engine(model, at_once=4).means(forward, Rows(torch.arange(12.0)[:, None].expand(12, 3)))


def test_large_models_have_fewer_gradients_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(3, 2)
    cpu = torch.device("cpu")
    assert Engine(model)._workers(40, cpu) == 3
    assert Engine(model)._workers(9, cpu) == 2
    assert Engine(model)._workers(1, cpu) == 1
    monkeypatch.setattr(engine, "GRADIENT_BYTES", 2 * sum(p.nbytes for p in model.parameters()))
    assert Engine(model)._workers(40, cpu) == 2


def test_a_part_that_is_not_looked_at_has_no_gradient() -> None:
    model = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
    rows = Rows(torch.ones(4, 3))
    Engine(model).means(lambda work, part: plain(work[0], part), rows).figures["loss"].backward()
    assert model[0].weight.grad is not None
    assert model[1].weight.grad is None


def test_bfloat16_computes_in_a_copy_and_float32_weights_learn() -> None:
    model = BiMAE(CONFIG)
    computing = Engine(model, precision="bf16-mixed", at_once=4)
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    first = pretraining(computing, 6)["loss"]
    first.backward()
    assert {g.dtype for g in gradients(model)} == {torch.float32}
    optimiser.step()
    kinds = {n: p.dtype for n, p in computing._work.named_parameters()}  # type: ignore[union-attr]
    assert {k for n, k in kinds.items() if "norm" not in n and n != "trunk.encoder.2.weight"} >= {
        torch.bfloat16
    }
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    plain_model = BiMAE(CONFIG)
    exact = pretraining(Engine(plain_model), 6)["loss"]
    torch.testing.assert_close(first, exact, rtol=0.01, atol=0)
    with torch.no_grad():
        assert pretraining(computing, 6)["loss"] < first  # the copy follows the weights


def test_two_hundred_steps_in_bfloat16_end_where_float32_ends() -> None:
    ends = []
    for precision in ("32", "bf16-mixed"):
        model = BiMAE(CONFIG, generator=torch.Generator().manual_seed(3))
        computing = Engine(model, precision=precision)  # type: ignore[arg-type]
        optimiser = torch.optim.AdamW(model.parameters(), lr=3e-4)
        losses = []
        for _ in range(200):
            loss = pretraining(computing, 8)["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]
        ends.append(sum(losses[-20:]) / 20)  # one step alone is as good as its rounding
    assert ends[1] == pytest.approx(ends[0], rel=0.01)


def test_what_computes_can_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced without a break, on the CPU and without a C++ compiler: what a GPU would be given."""
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph.forward

    def compile_(function: object, **options: object) -> object:
        return real(function, **options, backend=backend, fullgraph=True)  # type: ignore[call-overload]

    real = torch.compile
    monkeypatch.setattr(torch, "compile", compile_)
    torch.compiler.reset()
    plainly, compiled = (Engine(BiMAE(CONFIG), parts=3, compiled=c) for c in (False, True))
    plainly.threads = compiled.threads = 1  # as on a GPU
    losses = [pretraining(e, 6)["loss"] for e in (plainly, compiled, compiled)]
    assert losses[0] == losses[1] == losses[2]
    # The patches, one block for all of the encoder, the fusion, and both decoders: for all three
    # parts of both batches, whatever is in them.
    assert len(graphs) == 5
    with torch.no_grad():
        pretraining(compiled, 6)
    pretraining(compiled, 5)
    assert len(graphs) == 5  # nothing is compiled for the last batch, nor for validation
    torch.compiler.reset()
