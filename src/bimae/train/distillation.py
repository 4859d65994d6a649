"""Pretraining with a teacher: the task, and what the student takes from it."""

from dataclasses import replace
from typing import Any

import torch

from bimae.errors import ConfigError
from bimae.model import BiMAE
from bimae.model.config import PRESETS, ModelConfig
from bimae.model.distillation import Student, taught
from bimae.train.distill_options import DistillOptions
from bimae.train.engine import Engine, Found, to_bfloat16
from bimae.train.pretraining import Masked, PretrainTask, patches
from bimae.train.scaling import scale_of


class DistillTask(PretrainTask):
    """Masked reconstruction, and the teacher's features of the same visible tokens."""

    def __init__(
        self,
        student: Student,
        teacher: BiMAE,
        options: DistillOptions,
        engine: Engine | None = None,
    ) -> None:
        """Prepares the task.

        Args:
            student: What learns.
            teacher: What it learns from, at the sensor of the data; it is changed to the number
                format of the run, and does not learn.
            options: Of the run.
            engine: What computes the steps.
        """
        super().__init__(student, options, engine)
        teacher.eval().requires_grad_(False)
        if self.engine.precision != "32":
            to_bfloat16(teacher)
        # In a list, so that it is no part of the task: no checkpoint holds it.
        self._teacher = [teacher]

    def on_fit_start(self) -> None:
        """Brings the teacher to where the student learns."""
        self._teacher[0].to(self.device)

    def _losses(self, work: Student, part: Masked) -> Found:
        seen, hidden = self.engine.fast(patches)(part, self.patch_size)
        masks = part.hs, part.rgb
        encoded = work.model.see(seen, masks)
        figures, _ = self._compared(work.model, encoded, hidden, part)
        apart = work.mismatch(encoded, taught(self._teacher[0], seen, masks))
        figures["loss"] = figures["loss"] + self.options.feature_weight * apart
        return Found({**figures, "feature_loss": apart})


def student_config(options: DistillOptions, teacher: ModelConfig) -> ModelConfig:
    """The student: its preset and masks, reading what the teacher reads in the teacher's way.

    Args:
        options: Of the run.
        teacher: At the sensor of the data.
    """
    sizes: dict[str, Any] = dict(PRESETS[options.model])
    return replace(
        teacher,
        name=options.model,
        **sizes,
        head_dim=None,
        hs_mask_ratio=options.hs_mask_ratio,
        rgb_mask_ratio=options.rgb_mask_ratio,
        hs_target_ratio=options.hs_target_ratio,
        rgb_target_ratio=options.rgb_target_ratio,
    )


def as_taught(options: DistillOptions, teacher: ModelConfig) -> DistillOptions:
    """Options with what the teacher fixes, so that `config.yaml` says what was trained.

    Raises:
        ConfigError: Something else is asked for.
    """
    fixed: dict[str, Any] = {
        "hs_size": teacher.hs_size,
        "rgb_size": teacher.rgb_size,
        "patch_size": teacher.patch_size,
        "band_positions": teacher.band_positions,
        "band_tokens": teacher.band_tokens,
        "scale": scale_of(teacher),
    }
    fallback = DistillOptions(options.data, teacher=options.teacher)
    found = [
        f"{name} {asked} is asked for, but the teacher {options.teacher} has {own}, and the "
        f"student has to see what it sees; leave out {name}"
        for name, own in fixed.items()
        if (asked := getattr(options, name)) not in (own, getattr(fallback, name))
    ]
    if found:
        raise ConfigError.of(found)
    return replace(options, **fixed)


def student_of(model: BiMAE, teacher: ModelConfig, seed: int) -> Student:
    """A student whose projection starts from the seed of the run."""
    return Student(model, teacher.width, generator=torch.Generator().manual_seed(seed))
