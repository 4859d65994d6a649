"""A student's step: what it is taught, what learns, and what a checkpoint holds of the teacher."""

from dataclasses import replace

import pytest
import torch

from bimae.data.batch import Batch
from bimae.errors import ConfigError
from bimae.model import BiMAE
from bimae.model.distillation import Student, taught
from bimae.train.distill_options import DistillOptions
from bimae.train.distillation import DistillTask, as_taught, student_config, student_of
from bimae.train.engine import Engine
from bimae.train.pretraining import PretrainTask, patches
from tests.model.small import CONFIG
from tests.train.test_engine import batch_of

CPU = torch.device("cpu")
WIDE = replace(CONFIG, width=48, heads=3)


def options(**given: object) -> DistillOptions:
    return DistillOptions("x", teacher="y", **given)  # type: ignore[arg-type]


def task(**given: object) -> DistillTask:
    teacher = BiMAE(WIDE, generator=torch.Generator().manual_seed(7))
    student = student_of(BiMAE(CONFIG), WIDE, 0)
    return DistillTask(student, teacher, options(**given))


def test_targets_have_mean_0_and_variance_1_and_no_gradient() -> None:
    made = task()
    masked = made._masked(batch_of(5, CPU).batch, 0, 0)
    seen, _ = patches(masked, CONFIG.patch_size)
    found = taught(made._teacher[0], seen, (masked.hs, masked.rgb))
    kept = CONFIG.hs_counts.keep + CONFIG.rgb_counts.keep
    assert found.shape == (5, kept + 1, WIDE.width)
    assert not found.requires_grad
    torch.testing.assert_close(found.mean(dim=-1), torch.zeros(5, kept + 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        found.var(dim=-1, correction=0), torch.ones(5, kept + 1), atol=1e-3, rtol=0
    )


def test_a_student_that_is_its_teacher_has_nothing_to_learn_of_it() -> None:
    teacher = BiMAE(CONFIG)
    student = Student(BiMAE(CONFIG), CONFIG.width, generator=torch.Generator().manual_seed(0))
    masked = PretrainTask(teacher, options())._masked(batch_of(4, CPU).batch, 0, 0)
    seen, _ = patches(masked, CONFIG.patch_size)
    masks = masked.hs, masked.rgb
    with torch.no_grad():
        student.projection.weight.copy_(torch.eye(CONFIG.width))
        encoded = student.model.see(seen, masks)
        # the encoder's norm has gain 1 and shift 0 at first: its output is normalised already
        assert student.mismatch(encoded, taught(teacher, seen, masks)).item() < 1e-6
        student.projection.weight.zero_()
        assert student.mismatch(encoded, taught(teacher, seen, masks)).item() == pytest.approx(
            1, abs=1e-3
        )


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_the_loss_is_that_of_pretraining_and_the_features(precision: str) -> None:
    teacher = BiMAE(WIDE, generator=torch.Generator().manual_seed(7))
    student = student_of(BiMAE(CONFIG), WIDE, 0)
    engine = Engine(student, precision=precision)  # type: ignore[arg-type]
    made = DistillTask(student, teacher, options(feature_weight=0.5), engine)
    masked = made._masked(batch_of(6, CPU).batch, 1, 2)
    found = made.engine.means(made._losses, masked).figures
    alone = BiMAE(CONFIG)
    plain = PretrainTask(alone, options(), Engine(alone, precision=precision))  # type: ignore[arg-type]
    own = plain.engine.means(plain._losses, masked).figures
    for name in ("hs_loss", "rgb_loss"):
        assert torch.equal(found[name], own[name])
    expected = own["loss"] + 0.5 * found["feature_loss"]
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert 0.5 < found["feature_loss"].item() < 3


def test_the_student_learns_the_features_and_the_teacher_stays() -> None:
    made = task()
    teacher = made._teacher[0]
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    masked = made._masked(batch_of(16, CPU).batch, 0, 0)
    optimiser = torch.optim.Adam(made.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        figures = made.engine.means(made._losses, masked).figures
        optimiser.zero_grad()
        figures["loss"].backward()
        optimiser.step()
        losses.append(figures["feature_loss"].item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_no_checkpoint_holds_the_teacher() -> None:
    made = task()
    student = {f"model.model.{name}" for name in BiMAE(CONFIG).state_dict()}
    rest = set(made.state_dict()) - student
    assert rest == {"model.projection.weight", "model.projection.bias"}
    assert all(tuple(p.shape) != (WIDE.width, WIDE.hs_patch) for p in made.parameters())


def test_the_student_reads_as_its_teacher_does() -> None:
    teacher = replace(
        CONFIG,
        band_positions="wavelength",
        wavelengths_nm=tuple(range(400, 600, 10)),
        widths_nm=(10.0,) * 20,
        standard=((0.5, 0.1),) * 20,
        head_dim=32,
    )
    asked = options(model="mae_vit_tiny_patch24", hs_mask_ratio=0.5)
    student = student_config(as_taught(asked, teacher), teacher)
    assert (student.width, student.depth, student.head_dim) == (192, 12, None)
    assert student.hs_mask_ratio == 0.5
    for name in ("hs_size", "rgb_size", "patch_size", "wavelengths_nm", "standard"):
        assert getattr(student, name) == getattr(teacher, name)
    told = as_taught(asked, teacher)
    assert (told.scale, told.band_positions, told.patch_size) == ("standard", "wavelength", 8)
    with pytest.raises(ConfigError, match=r"patch_size 16 is.*\n.*scale shape is asked for"):
        as_taught(options(scale="shape", patch_size=16), teacher)


def test_the_step_draws_the_masks_of_a_pretraining() -> None:
    batch = Batch(torch.arange(9))
    assert torch.equal(
        task()._masked(batch, 1, 2).hs.keep,
        PretrainTask(BiMAE(CONFIG), options())._masked(batch, 1, 2).hs.keep,
    )
