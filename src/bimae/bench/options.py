"""What can be chosen for a benchmark: declared once, here, with its default and its meaning.

No torch: `bimae bench --help` must answer at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bimae.model.config import PRESETS
from bimae.train.options import Precision

What = Literal["all", "limits", "pretrain", "finetune", "inference", "input", "startup"]
Reads = Literal["bimodal", "bimodal-5", "rgb", "hs"]
READS: dict[Reads, str] = {
    "bimodal": "300 bands + RGB",
    "bimodal-5": "5 bands + RGB",
    "rgb": "RGB",
    "hs": "300 bands",
}
TINY = "mae_vit_tiny_patch24"


@dataclass(frozen=True)
class BenchOptions:
    """Options of a benchmark."""

    what: What = "all"
    """What to measure."""
    data: Path | None = None
    """TFRecords for `input`; default: simulated seeds in a temporary folder."""
    quick: bool = False
    """End within 2 minutes on 2 cores: tiny at batch 32 only, fewer repeats."""
    model: tuple[str, ...] = ()
    """Presets; default: all three for pretrain, tiny for the rest."""
    batch_size: tuple[int, ...] = ()
    """Samples per training step; default: 32 and 128 for pretrain, 32 for finetune."""
    precision: tuple[Precision, ...] = ("32", "bf16-mixed")
    """Arithmetic of training steps; auto: what training would take. bf16 is left out where it has
    no instructions of its own, unless it is asked for alone."""
    reads: tuple[Reads, ...] = ("bimodal", "bimodal-5", "rgb", "hs")
    """What the classifiers of finetune look at: 300 bands + RGB, 5 bands + RGB, RGB, 300 bands."""
    repeats: int | None = None
    """Measurements of each figure after one that warms up; default: 5, with quick 3."""
    threads: int = 0
    """Threads of PyTorch; 0: as many as it takes by itself."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a CUDA device where there is one."""
    json: Path | None = None
    """File to write the figures to as JSON; - prints JSON only."""
    alone: bool = False
    """Do the training steps only, in this process: no limits of the machine, no second process;
    peak memory is then this one's."""

    @property
    def rounds(self) -> int:
        """Measurements of each figure."""
        return self.repeats or (3 if self.quick else 5)

    def models(self, task: Literal["pretrain", "finetune"]) -> tuple[str, ...]:
        """The presets to train."""
        return self.model or ((TINY,) if self.quick or task == "finetune" else tuple(PRESETS))

    def batch_sizes(self, task: Literal["pretrain", "finetune"]) -> tuple[int, ...]:
        """The batch sizes to train with."""
        return self.batch_size or ((32,) if self.quick or task == "finetune" else (32, 128))

    def problems(self) -> list[str]:
        """Everything that cannot be carried out, one line each."""
        found = [
            f"model {name!r} is not known; choose one of {', '.join(PRESETS)}"
            for name in self.model
            if name not in PRESETS
        ]
        found += [
            f"batch_size is {size}; it must be at least 1" for size in self.batch_size if size < 1
        ]
        if self.repeats is not None and self.repeats < 1:
            found.append(f"repeats is {self.repeats}; it must be at least 1")
        if self.threads < 0:
            found.append(f"threads is {self.threads}; it must not be negative")
        if self.data is not None and self.what not in ("all", "input"):
            found.append(
                f"data {self.data} is given, but only `input` reads any; leave it out, or name no "
                f"{self.what}"
            )
        if self.alone and self.what not in ("pretrain", "finetune"):
            found.append(f"alone is for pretrain and finetune, not for {self.what}")
        return found
