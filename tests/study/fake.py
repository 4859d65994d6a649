"""A `bimae` that trains nothing: it leaves what the real one would leave, at once."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

CLASSES = ["a", "b"]


@dataclass
class FakeProcess:
    code: int
    looks: int = 0  # at which it still runs
    stopped: bool = False

    def poll(self) -> int | None:
        self.looks -= 1
        return None if self.looks >= 0 else self.code

    def stop(self) -> None:
        self.stopped = True


@dataclass
class FakeBimae:
    """Starts fake processes; `fails` and `looks` judge a command line."""

    fails: Callable[[str], bool] = lambda line: False
    looks: Callable[[str], int] = lambda line: 0
    calls: list[str] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    processes: list[FakeProcess] = field(default_factory=list)

    def __call__(self, words: list[str], log: Path, threads: int) -> FakeProcess:
        line = " ".join(words)
        given = dict(word[2:].split("=", 1) for word in words[1:])
        if (weights := given.get("weights", given.get("teacher", "none"))) != "none":
            assert (Path(weights) / "model" / "config.json").is_file(), "begun too early"
        failed = self.fails(line)
        log.write_text(f"bimae {line}\n{'bimae: no luck' * failed}\n")
        if not failed:
            _leave(words[0], given, Path(given["out"]))
        self.calls.append(line)
        self.threads.append(threads)
        self.processes.append(FakeProcess(2 if failed else 0, self.looks(line)))
        return self.processes[-1]


def _leave(verb: str, given: dict[str, str], out: Path) -> None:
    assert not out.exists()
    out.mkdir(parents=True)
    score = {"accuracy": 0.75, "macro_f1": 0.5 + 0.01 * int(given.get("seed", 0))}
    confusion = [[3, 1], [1, 3]]
    told = score | {
        "samples": 8,
        "per_class": [{"name": name} for name in CLASSES],
        "confusion_matrix": confusion,
    }
    if verb in ("pretrain", "distill", "finetune"):
        for name in ("checkpoints/last.ckpt", "model/config.json"):
            (out / name).parent.mkdir()
            (out / name).write_text("{}")
    if verb in ("finetune", "evaluate"):
        (out / "results.json").write_text(json.dumps(told))
    if verb == "baselines":
        row = score | {"macro_f1": 0.6, "classes": CLASSES, "confusion_matrix": confusion}
        rows = [row | {"method": name} for name in given["methods"].split(",")]
        (out / "baselines.json").write_text(json.dumps({"rows": rows}))
    if verb == "probe":
        rows = [told | {"method": "linear"}, told | {"method": "knn", "macro_f1": 0.3}]
        rows.append(told | {"method": "lda", "macro_f1": 0.4})
        (out / "probe.json").write_text(json.dumps({"rows": rows}))


def study_file(folder: Path, **declared: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False))
    return path
