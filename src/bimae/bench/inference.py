"""What an answer costs: a seed classifier's latency and throughput under several runtimes.

Fresh weights and random images: the time of an answer depends on neither. Every runtime's logits
are held against those of eager PyTorch in fp32.

Several pools of threads live in this process, and some spin after an answer, waiting for more to
do on the processors that the next runtime needs: measured on 2 cores, PyTorch's for 5 to 11 ms,
OpenVINO's for 1 ms, ONNX Runtime's for 50 ms. Without care eager takes 2 to 3 times as long in
turns with ONNX Runtime as alone. So every turn begins with a rest and an answer that is not
counted (`export.latency`), and ONNX Runtime spins while it answers, as the others do, but not
afterwards.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bimae.bench.limits import bf16_usable
from bimae.bench.machine import threads_set
from bimae.export.latency import in_turn
from bimae.export.program import quietly
from bimae.model import ClassifierConfig, SeedClassifier, preset

BATCHES = (1, 64)  # latency, throughput
CLASSES, BANDS = 19, 5
MOST_DIFFERENCE = 1e-3  # of logits in fp32; more is an error, not rounding
FEW = 8  # samples from which on a batch takes so long that few repeats tell it

Row = dict[str, object]
Predict = Callable[[], Any]  # one batch answered: logits [B, classes], a tensor or an array


class NotHereError(Exception):
    """Why a runtime cannot be measured on this machine; never leaves this module."""


@dataclass(frozen=True)
class Subject:
    """What every runtime is given.

    Attributes:
        classifier: The model, in evaluation mode.
        hs: [B, n, S, S] spectra in [0, 1].
        rgb: [B, 3, H, H] in [0, 1].
        onnx: The exported model, for any batch; None where `onnx_note` says why.
        onnx_note: How it was exported.
        threads: Threads that a runtime may use.
        quick: Whether to leave out what takes minutes.
    """

    classifier: SeedClassifier
    hs: Tensor
    rgb: Tensor
    onnx: Path | None
    onnx_note: str
    threads: int
    quick: bool

    @property
    def inputs(self) -> dict[str, Any]:
        """The images as arrays, by the names of the ONNX model's inputs."""
        return {"hs": self.hs.numpy(), "rgb": self.rgb.numpy()}


def measure_inference(
    model: str = "mae_vit_tiny_patch24", *, quick: bool = False, threads: int | None = None
) -> list[Row]:
    """Measures a preset's classifier: 19 classes, 5 bands + RGB.

    Args:
        model: A preset.
        quick: Fewer repeats, and no `torch.compile`, which takes minutes to get ready.
        threads: Threads of every runtime; default: as many as PyTorch takes.

    Returns:
        A row for each runtime and batch size, with the keys

        - `backend`: `eager` (recorded for autograd), `inference_mode`, `compile`,
          `bf16_autocast`, `onnxruntime`, `openvino`; all but the fourth in fp32.
        - `batch`: samples at a time.
        - `median_ms`, `p95_ms`, `min_ms`, `max_ms`: milliseconds for a batch.
        - `samples_per_s`: of the median.
        - `repeats`: answers that were counted.
        - `warmup_s`: getting ready, compiling included but not the export, and the first answer.
        - `max_difference`: from eager's logits, the largest absolute one.
        - `note`: threads; why a figure is missing; `wrong` where fp32 logits are further off than
          1e-3.

        A runtime that is not there has None for its figures.

    Raises:
        ConfigError: No preset of that name.
    """
    sizes = preset(model)
    bands = tuple(round((i + 0.5) * sizes.bands / BANDS) for i in range(BANDS))
    classes = tuple(f"class {number}" for number in range(CLASSES))
    classifier = SeedClassifier(ClassifierConfig(sizes, classes, bands=bands)).eval()
    return measure_classifier(classifier, quick=quick, threads=threads)


def measure_classifier(
    classifier: SeedClassifier,
    *,
    batches: tuple[int, ...] = BATCHES,
    quick: bool = False,
    threads: int | None = None,
) -> list[Row]:
    """The same for a classifier of both views, in evaluation mode, at any batch sizes."""
    with threads_set(threads or 0) as count, tempfile.TemporaryDirectory() as folder:
        onnx, note = _exported(classifier, Path(folder) / "classifier.onnx", quick)
        rows: list[Row] = []
        for batch in batches:
            hs, rgb = _images(classifier, batch)
            subject = Subject(classifier, hs, rgb, onnx, note, count, quick)
            rows += _measured(subject)
    return rows


# Runtimes: each gets ready for one batch of images and returns what answers them.


def _eager(subject: Subject) -> Predict:
    return lambda: subject.classifier(subject.hs, subject.rgb).detach()


def _inference_mode(subject: Subject) -> Predict:
    return torch.inference_mode()(_eager(subject))


def _compiled(subject: Subject) -> Predict:
    if subject.quick:
        raise NotHereError("left out in haste: it compiles for a minute or two per batch size")
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        raise NotHereError("no C++ compiler here")
    torch.compiler.reset()  # nothing else is compiled while this measures
    compiled = torch.compile(subject.classifier, dynamic=False)

    def predict() -> Any:
        with torch.inference_mode():
            return compiled(subject.hs, subject.rgb)

    # With what an earlier run compiled, getting ready would look short.
    fresh = torch.compiler.config.patch(force_disable_caches=True)  # type: ignore[attr-defined]
    with fresh, quietly():
        predict()
    return predict


def _bf16(subject: Subject) -> Predict:
    if not bf16_usable(torch.device("cpu")):
        raise NotHereError("no bf16 here: the processor has no instructions for it")
    predict = torch.autocast("cpu", torch.bfloat16)(_inference_mode(subject))
    return lambda: predict().float()


def _onnxruntime(subject: Subject) -> Predict:
    runtime = _package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = subject.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Not `allow_spinning` 0: that is no kinder to the next runtime, and a quarter slower itself.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    providers = ["CPUExecutionProvider"]
    session = runtime.InferenceSession(str(_onnx(subject)), options, providers=providers)
    inputs = subject.inputs
    return lambda: session.run(None, inputs)[0]


def _openvino(subject: Subject) -> Predict:
    # Its import tells its makers over the net, and marks the home folder, unless this is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    openvino = _package("openvino")
    core = openvino.Core()
    model, inputs = core.read_model(_onnx(subject)), subject.inputs
    model.reshape({name: list(array.shape) for name, array in inputs.items()})
    settings = {
        "INFERENCE_NUM_THREADS": subject.threads,
        "INFERENCE_PRECISION_HINT": "f32",  # where there is bf16, it would take that unasked
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # no other runtime here has processors to itself
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer(inputs, share_inputs=True)[0]


BACKENDS: Mapping[str, Callable[[Subject], Predict]] = {
    "eager": _eager,
    "inference_mode": _inference_mode,
    "compile": _compiled,
    "bf16_autocast": _bf16,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}
ROUNDED = {"bf16_autocast"}  # not held to MOST_DIFFERENCE
FROM_ONNX = {"onnxruntime", "openvino"}


def _measured(subject: Subject, backends: Mapping[str, Any] = BACKENDS) -> list[Row]:
    """The rows of one batch size."""
    batch = len(subject.hs)
    expected = np.asarray(_eager(subject)())
    blank: Row = dict.fromkeys(
        ("median_ms", "p95_ms", "min_ms", "max_ms", "samples_per_s", "repeats", "warmup_s")
    )
    rows: dict[str, Row] = {}
    ready: dict[str, Predict] = {}
    for name, prepare in backends.items():
        rows[name] = {"backend": name, "batch": batch, **blank, "max_difference": None}
        start = time.perf_counter()
        try:
            predict = prepare(subject)
            logits = np.asarray(predict())
        except NotHereError as reason:
            rows[name]["note"] = str(reason)
            continue
        except Exception as error:  # other people's compilers and runtimes: their row tells it
            rows[name]["note"] = f"failed: {_first_line(error)}"
            continue
        rows[name]["warmup_s"] = time.perf_counter() - start
        difference = float(np.abs(logits - expected).max())
        rows[name]["max_difference"] = difference
        rows[name]["note"] = _note(name, difference, subject)
        ready[name] = predict
    for name, seconds in in_turn(ready, *_repeats(batch, subject.quick)).items():
        rows[name] |= _figures(seconds, batch)
    return list(rows.values())


def _repeats(batch: int, quick: bool) -> tuple[int, int]:
    """Turns of each runtime, and answers counted in a turn."""
    if batch < FEW:
        return (5, 4) if quick else (30, 4)
    return (3, 1) if quick else (12, 1)


def _figures(seconds: list[float], batch: int) -> Row:
    middle = median(seconds)
    return {
        "median_ms": middle * 1e3,
        "p95_ms": float(np.percentile(seconds, 95)) * 1e3,
        "min_ms": min(seconds) * 1e3,
        "max_ms": max(seconds) * 1e3,
        "samples_per_s": batch / middle,
        "repeats": len(seconds),
    }


def _note(name: str, difference: float, subject: Subject) -> str:
    parts = [f"threads: {subject.threads}"]
    # not `>`: a logit that is not a number is wrong, too
    if name not in ROUNDED and not difference <= MOST_DIFFERENCE:
        parts.insert(0, f"wrong: logits differ from eager's by more than {MOST_DIFFERENCE:g}")
    if name in FROM_ONNX:
        parts.append(subject.onnx_note)
    return "; ".join(parts)


def _images(classifier: SeedClassifier, batch: int) -> tuple[Tensor, Tensor]:
    sizes, generator = classifier.config.model, torch.Generator().manual_seed(batch)
    hs_shape = (batch, len(classifier.config.bands), sizes.hs_size, sizes.hs_size)
    rgb_shape = (batch, 3, sizes.rgb_size, sizes.rgb_size)
    return torch.rand(hs_shape, generator=generator), torch.rand(rgb_shape, generator=generator)


def _package(name: str) -> Any:
    """A package of the extra `bench`."""
    if find_spec(name) is None:
        raise NotHereError(_not_installed(name))
    return import_module(name)


def _not_installed(*names: str) -> str:
    return f"not installed: {', '.join(names)}; pip install 'bimae[bench]' brings it"


def _onnx(subject: Subject) -> Path:
    if subject.onnx is None:
        raise NotHereError(subject.onnx_note)
    return subject.onnx


def _exported(classifier: SeedClassifier, path: Path, quick: bool) -> tuple[Path | None, str]:
    """The classifier as an ONNX file for any batch, and how it was made or why it was not."""
    if missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        return None, _not_installed(*missing)
    axes = {view: {0: "batch"} for view in ("hs", "rgb")}
    settings: dict[str, dict[str, Any]] = {
        "torch.export": {"dynamo": True, "dynamic_shapes": axes},
        "tracing": {"dynamo": False, "dynamic_axes": {**axes, "logits": {0: "batch"}}},
    }
    # Tracing is on its way out, but ten times as quick; what it writes is answered as fast.
    failures = []
    for how in list(settings)[:: -1 if quick else 1]:
        start = time.perf_counter()
        try:
            with quietly():
                torch.onnx.export(
                    classifier,
                    _images(classifier, 2),  # a batch of 1 may be taken for a constant
                    path,
                    input_names=["hs", "rgb"],
                    output_names=["logits"],
                    verbose=False,
                    **settings[how],
                )
        except Exception as error:  # versions that do not fit; the other one may work
            failures.append(f"{how}: {_first_line(error)}")
        else:
            return path, f"ONNX by {how} in {time.perf_counter() - start:.1f} s"
    return None, f"no ONNX model; {'; '.join(failures)}"


def _first_line(error: Exception) -> str:
    """What a table has room for of other people's messages."""
    line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return shorten(line, 100, placeholder=" ...")
