"""A run's folder, which a person can read.

config.yaml        every option in force; `--config` of it repeats the run
environment.json   versions, machine, data
split.json         which sample was in which part
metrics.csv        one row per epoch
checkpoints/       last.ckpt, best.ckpt
model/             model.safetensors, config.json
"""

import csv
import io
import json
import os
import platform
import shutil
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy
import torch
import yaml

import bimae
from bimae.data import SeedDataset, Split
from bimae.errors import ConfigError
from bimae.storage import write_text
from bimae.train.options import Arithmetic, RunOptions

Verb = Literal["pretrain", "distill", "finetune"]
# `data` may have moved; that it is the same is seen from its fingerprint.
MAY_CHANGE = {
    "accumulate",
    "checkpoint_activations",
    "compile",
    "data",
    "epochs",
    "logger",
    "precision",
    "resident",
    "strategy",
    "workers",
}


class RunFolder:
    """Paths of a run, and what is written at its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.environment = path / "environment.json"
        self.split = path / "split.json"
        self.metrics = path / "metrics.csv"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"

    @property
    def last(self) -> Path:
        """The checkpoint that a resumed run goes on from."""
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint with the best monitored figure."""
        return self.checkpoints / "best.ckpt"

    @classmethod
    def prepare(cls, options: RunOptions, verb: Verb, *, first: bool = True) -> "RunFolder":
        """The folder of a run about to start: a new one, or that of the run to resume.

        Args:
            options: Options of the run.
            verb: What it does.
            first: Whether this process is the one that writes; of several only that one looks
                whether the folder may be written to, since it writes there soon after.

        Raises:
            ConfigError: The folder holds another run or other files, or there is nothing to
                resume.
        """
        if options.resume is not None:
            return cls(options.resume)._resumable(options)
        folder = cls(options.out or Path("runs") / time.strftime(f"{verb}-%Y%m%d-%H%M%S"))
        if not first:
            return folder
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            if not folder.config.is_file():
                raise ConfigError(f"{folder.path}: exists and is no run folder; name another out")
            if not options.overwrite:
                raise ConfigError(
                    f"{folder.path}: holds a run already; name another out, go on with "
                    f"--resume {folder.path}, or replace it with --overwrite"
                )
        return folder

    def _resumable(self, options: RunOptions) -> "RunFolder":
        """This folder, if `options` go on with the run in it; nothing is touched here."""
        if not self.last.is_file():
            raise ConfigError(
                f"{self.last}: no such checkpoint to resume from; start the run anew without resume"
            )
        # an option that the run knew nothing of yet was what it is by default
        began = {f.name: f.default for f in fields(options)}
        began |= yaml.safe_load(self.config.read_text(encoding="utf-8"))
        problems = [
            f"{name} is {now}, but the run in {self.path} began with {began.get(name)}; a resumed "
            f"run may change only {', '.join(sorted(MAY_CHANGE))}"
            for name, now in _plain(options).items()
            if name not in MAY_CHANGE and now != began.get(name)
        ]
        if options.out is not None and options.out != self.path:
            problems.append(f"out is {options.out}, but a resumed run goes on in {self.path}")
        done = len(read_rows(self.metrics))
        if options.epochs < done:
            problems.append(
                f"epochs is {options.epochs}, but {done} are done already; ask for more"
            )
        if problems:
            raise ConfigError.of(problems)
        return self

    def begin(
        self,
        options: RunOptions,
        verb: Verb,
        samples: SeedDataset,
        split: Split,
        *,
        precision: Arithmetic,
    ) -> None:
        """Writes `config.yaml`, `environment.json` and `split.json`.

        Called when nothing that a user can get wrong is left to check: only now is an older run
        of that name replaced.
        """
        if self.path.exists() and options.resume is None:
            shutil.rmtree(self.path)
        split.save(self.split, samples)
        header = f"# bimae {verb} --config {self.config.name} repeats this run\n"
        write_text(self.config, header + yaml.safe_dump(_plain(options), sort_keys=False))
        environment = {
            "verb": verb,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "bimae": bimae.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "numpy": numpy.__version__,
            "platform": platform.platform(),
            "processors": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "data": {
                "name": samples.info.name,
                "simulated": samples.info.simulated,
                "fingerprint": samples.fingerprint,
                "samples": len(samples),
                "bands": samples.bands,
            },
            "precision": precision,
        }
        write_text(self.environment, json.dumps(environment, indent=2) + "\n")


def _plain(options: RunOptions) -> dict[str, Any]:
    """What the run is, not how it was started: a repeated run shall not replace this one."""
    started = ("out", "overwrite", "resume")
    values = {name: value for name, value in asdict(options).items() if name not in started}
    return {name: _as_read(value) for name, value in values.items()}


def _as_read(value: Any) -> Any:
    """A value as it comes back from YAML."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes a CSV whole; the columns are those of all rows, in the order they first appear."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads such a CSV; no rows where there is none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
