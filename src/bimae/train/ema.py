"""Averaged weights: an exponential moving average over the steps of a run.

The average is what is validated, kept as the best checkpoint and saved; the weights themselves go
on learning, and are what `last.ckpt` holds beside the average.
"""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn


class Averaged(pl.Callback):
    """Keeps the average of what learns, and lends it to the model while that is validated.

    Attributes:
        decay: What the average keeps of itself at each step, once it is long.
        steps: Steps that are in it.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begins with the weights as they are at the first step.

        Args:
            model: Whose parameters are averaged, those that need gradients.
            decay: Above 0 and below 1; until `steps` is long, `decay_at` shortens the memory.
        """
        self.decay, self.steps = decay, 0
        self._weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._average: dict[str, Tensor] = {}
        self._own: list[Tensor] | None = None  # the weights, while the average is in their place

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins the average, or takes that of a resumed run to where the weights are."""
        for name, weight in self._weights.items():
            begun = self._average.get(name, weight)
            self._average[name] = begun.detach().to(weight.device, copy=True)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Takes in the weights of the step."""
        self.add()

    def add(self) -> None:
        """Takes in the weights as they are."""
        left = 1 - decay_at(self.steps, self.decay)
        with torch.no_grad():
            torch._foreach_lerp_(self._averages(), list(self._weights.values()), left)
        self.steps += 1

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Puts the average in place of the weights, where the best checkpoint finds it too."""
        self.lend()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Puts the weights back, before `last.ckpt` is written and the next epoch begins."""
        self.take_back()

    def lend(self) -> None:
        """Puts the average in place of the weights."""
        if self._own is not None or not self._average:
            return
        with torch.inference_mode(False), torch.no_grad():
            # Copied and not exchanged: a recorded step looks for weights where they were.
            self._own = [weight.detach().clone() for weight in self._weights.values()]
            self._place(self._averages())

    def take_back(self) -> None:
        """Puts the weights back."""
        if self._own is not None:
            self._place(self._own)
            self._own = None

    def _averages(self) -> list[Tensor]:
        return [self._average[name] for name in self._weights]

    def _place(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            torch._foreach_copy_(list(self._weights.values()), values)

    def state_dict(self) -> dict[str, Any]:
        """The average and its steps, for `last.ckpt`."""
        return {"steps": self.steps, "average": self._average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on with the average of a checkpoint."""
        self.steps, self._average = state_dict["steps"], dict(state_dict["average"])


def decay_at(steps: int, decay: float) -> float:
    """What an average of so many steps keeps of itself at the next: 0.1 at first, rising."""
    return min(decay, (1 + steps) / (10 + steps))
