"""On a CUDA device, where there is one; `make bench-gpu` runs these first."""

from pathlib import Path

import pytest
import torch

from bimae.cli import main
from bimae.data import open_dataset
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.data.resident import Resident
from bimae.model import BiMAE
from bimae.model.masking import Blocks, Groups, draw_mask, draw_masks
from bimae.train.engine import Engine
from bimae.train.options import PretrainOptions
from bimae.train.pretraining import Masked, PretrainTask
from tests.cli.run import rows
from tests.model.small import CONFIG
from tests.train.test_engine import batch_of, pretraining

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device is here: what runs on one is not tested"
)


def test_batches_on_the_device_are_those_of_the_cpu(small_data: Path) -> None:
    samples = open_dataset(small_data)
    loaders = [
        seed_loader(
            samples, range(20), Reading(), batch_size=8, training=True, seed=1,
            resident=Resident(samples, range(20), Reading(), device),
        )
        for device in ("cpu", "cuda")
    ]  # fmt: skip
    for here, there in zip(*loaders, strict=True):
        assert there.index.is_cuda
        for one, other in zip(here.images(), there.images(), strict=True):
            assert one is not None
            assert other is not None
            torch.testing.assert_close(other.cpu(), one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_a_step_gives_the_loss_and_gradients_of_the_cpu(precision: str, compiled: bool) -> None:
    model = BiMAE(CONFIG)
    expected = pretraining(Engine(model), 6)["loss"]
    expected.backward()
    twin = BiMAE(CONFIG).cuda()
    found = pretraining(Engine(twin, precision=precision, compiled=compiled), 6)["loss"]  # type: ignore[arg-type]
    found.backward()
    exact = precision == "32"
    torch.testing.assert_close(
        found.detach().cpu(), expected.detach(), rtol=1e-3 if exact else 1e-2, atol=0
    )
    for one, other in zip(twin.parameters(), model.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        far = (one.grad.cpu() - other.grad).norm() / other.grad.norm().clamp_min(1e-8)
        assert far < (1e-2 if exact else 0.2)


def learned(*, resident: bool, compiled: bool, recorded: bool, parts: int = 1) -> list[float]:
    """Losses of steps on different batches, of two sizes, and without learning in between."""
    model = BiMAE(CONFIG).cuda()
    computing = Engine(model, parts=parts, compiled=compiled, recorded=recorded)
    task = PretrainTask(model, PretrainOptions(Path("none")), computing)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    whole = batch_of(24, torch.device("cuda")).batch
    losses = []
    for number in range(12):
        count = 5 if number % 3 == 2 else 8
        rows = torch.randperm(24, generator=torch.Generator().manual_seed(number))[:count].cuda()
        batch = whole.take(rows) if resident else whole.take(rows).alone()
        masks = draw_masks(CONFIG, count, generator=torch.Generator("cuda").manual_seed(number))
        loss = computing.means(task._losses, Masked(batch, *masks)).figures["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            unseen = computing.means(task._losses, Masked(batch, *masks)).figures["loss"]
        losses += [loss, unseen]
    return [loss.item() for loss in losses]


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
def test_recorded_steps_are_the_same_steps(resident: bool, compiled: bool, parts: int) -> None:
    plainly = learned(resident=resident, compiled=False, recorded=False, parts=parts)
    found = learned(resident=resident, compiled=compiled, recorded=True, parts=parts)
    assert found == pytest.approx(plainly, rel=1e-3 if compiled else 1e-5)
    assert len(set(plainly)) == len(plainly)  # each batch and each step had a loss of its own


def test_recorded_gradients_are_handed_over_and_not_copied() -> None:
    model = BiMAE(CONFIG).cuda()
    computing = Engine(model, recorded=True)
    task = PretrainTask(model, PretrainOptions(Path("none")), computing)
    addresses = set()
    for _ in range(5):
        model.zero_grad()
        batch = batch_of(6, torch.device("cuda"))
        computing.means(task._losses, batch).figures["loss"].backward()
        weight = model.trunk.encoder[0].mlp[0].weight
        assert weight.grad is not None
        addresses.add(weight.grad.data_ptr())
    assert len(addresses) <= 2  # that of the first step, and that of the recording


@pytest.mark.parametrize("together", [Blocks(3, 20), Groups.of([0] * 5 + [1] * 3 + [2] * 12)])
def test_bands_hidden_together_are_drawn_without_waiting(together: Blocks | Groups) -> None:
    device = torch.device("cuda")
    moved = together.on(device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        generator = torch.Generator("cuda").manual_seed(0)
        mask = draw_mask(CONFIG.hs_counts, 64, generator=generator, together=moved)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert mask.keep.device.type == "cuda"
    both = torch.cat([mask.keep, mask.targets], dim=1).sort(dim=1).values
    assert (both.diff(dim=1) > 0).all()
    assert both.shape[1] == CONFIG.hs_counts.keep + CONFIG.hs_counts.targets


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--hs-masking=block", "--hs-block=2", "--normalised-patches=true"),
        ("--hs-masking=similarity", "--spectral-angle=0.1", "--scale=standard"),
        ("--hs-masking=block", "--spectral-angle=0.1", "--any-sensor=true", "--compile=on"),
    ],
)
def test_a_run_learns(small_data: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    words = ["pretrain", f"--data={small_data}", f"--out={tmp_path / 'a'}", "--epochs=20"]
    assert main.run([*words, "--batch-size=16", "--logger=none", *options]) == 0
    losses = [float(row["train_loss"]) for row in rows(tmp_path / "a" / "metrics.csv")]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_a_classifier_learns(small_data: Path, tmp_path: Path, modality: str) -> None:
    words = ["finetune", f"--data={small_data}", f"--out={tmp_path / 'a'}", "--epochs=12"]
    words += [f"--modality={modality}", "--batch-size=16", "--logger=none", "--bands=all"]
    assert main.run(words) == 0
    losses = [float(row["train_loss"]) for row in rows(tmp_path / "a" / "metrics.csv")]
    assert losses[-1] < losses[0]
