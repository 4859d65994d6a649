import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from bimae.bench import inference
from bimae.bench.inference import BACKENDS, Subject, measure_classifier, measure_inference
from bimae.errors import ConfigError
from bimae.model import ClassifierConfig, SeedClassifier
from tests.model.small import CONFIG

KEYS = {
    *("backend", "batch", "median_ms", "p95_ms", "min_ms", "max_ms", "samples_per_s"),
    *("repeats", "warmup_s", "max_difference", "note"),
}
EXTRA = {"onnx", "onnxscript", "onnxruntime", "openvino"}


@pytest.fixture
def classifier() -> SeedClassifier:
    return SeedClassifier(ClassifierConfig(CONFIG, ("a", "b", "c"), bands=(1, 8, 15))).eval()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no package of the extra were installed."""
    found = inference.find_spec
    monkeypatch.setattr(inference, "find_spec", lambda n: None if n in EXTRA else found(n))


def subject(classifier: SeedClassifier, onnx: Path | None = None, batch: int = 2) -> Subject:
    hs, rgb = inference._images(classifier, batch)
    return Subject(classifier, hs, rgb, onnx, "as the test says", torch.get_num_threads(), True)


@pytest.mark.usefixtures("bare")
def test_every_runtime_has_a_row_for_every_batch(classifier: SeedClassifier) -> None:
    rows = measure_classifier(classifier, batches=(1, 9), quick=True, threads=1)
    assert [(r["batch"], r["backend"]) for r in rows] == [(b, n) for b in (1, 9) for n in BACKENDS]
    assert all(set(row) == KEYS for row in rows)
    measured: list[dict[str, Any]] = [row for row in rows if row["repeats"]]
    assert {"eager", "inference_mode"} <= {str(row["backend"]) for row in measured}
    for row in measured:
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["p95_ms"] <= row["max_ms"]
        assert row["samples_per_s"] == pytest.approx(1e3 * row["batch"] / row["median_ms"])
        assert row["repeats"] == (20 if row["batch"] == 1 else 3)
        assert "threads: 1" in row["note"]


@pytest.mark.usefixtures("bare")
def test_a_missing_package_is_a_row_that_says_so(classifier: SeedClassifier) -> None:
    rows = {row["backend"]: row for row in measure_classifier(classifier, batches=(1,), quick=True)}
    for name in ("onnxruntime", "openvino"):
        assert rows[name]["median_ms"] is None
        assert "not installed: " + name in str(rows[name]["note"])
        assert "bimae[bench]" in str(rows[name]["note"])
    assert inference._exported(classifier, Path("unused"), True)[0] is None


def test_threads_are_put_back(classifier: SeedClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(inference, "_exported", lambda *_: (None, "none"))
    monkeypatch.setattr(
        inference, "_measured", lambda s: seen.append((s.threads, torch.get_num_threads())) or []
    )
    measure_classifier(classifier, batches=(1,), threads=before + 1)
    assert seen == [(before + 1, before + 1)]
    assert torch.get_num_threads() == before


def shifted(by: float) -> Callable[[Subject], Callable[[], torch.Tensor]]:
    return lambda given: lambda: given.classifier(given.hs, given.rgb).detach() + by


@pytest.mark.parametrize(("by", "wrong"), [(0.0, False), (1e-4, False), (1e-2, True)])
def test_wrong_logits_are_told(classifier: SeedClassifier, by: float, wrong: bool) -> None:
    given = subject(classifier)
    (row,) = inference._measured(given, {"shifted": shifted(by)})
    assert row["max_difference"] == pytest.approx(by, abs=1e-5)
    assert str(row["note"]).startswith("wrong") == wrong
    (row,) = inference._measured(given, {"shifted": shifted(float("nan"))})
    assert str(row["note"]).startswith("wrong")
    (row,) = inference._measured(given, {"bf16_autocast": shifted(1e-2)})
    assert not str(row["note"]).startswith("wrong")  # rounded on purpose


def test_what_breaks_is_a_row_and_the_rest_goes_on(classifier: SeedClassifier) -> None:
    def broken(_: Subject) -> Callable[[], torch.Tensor]:
        raise RuntimeError("the first line " + "that goes on " * 99 + "\nand forty more")

    rows = inference._measured(subject(classifier), {"broken": broken, "eager": shifted(0.0)})
    assert [row["repeats"] for row in rows] == [None, 20]
    note = str(rows[0]["note"])
    assert note.startswith("failed: the first line that")
    assert len(note) < 120


def test_figures_of_known_times() -> None:
    figures = inference._figures([0.001 * n for n in range(1, 102)], batch=4)
    expected = {"median_ms": 51, "p95_ms": 96, "min_ms": 1, "max_ms": 101, "repeats": 101}
    assert figures == pytest.approx({**expected, "samples_per_s": 4 / 0.051})


def test_compiling_is_left_out_where_it_cannot_be_done(
    classifier: SeedClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_haste = subject(classifier)
    with pytest.raises(inference.NotHereError, match="haste"):
        inference._compiled(in_haste)
    monkeypatch.setattr(inference.shutil, "which", lambda _: None)
    with pytest.raises(inference.NotHereError, match=r"no C\+\+ compiler"):
        inference._compiled(replace(in_haste, quick=False))


def test_what_is_compiled_answers_the_same(
    classifier: SeedClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All but the C++ compiler, which would take half a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setattr(inference.shutil, "which", lambda name: name)
    given = replace(subject(classifier), quick=False)
    answer = inference._compiled(given)()
    torch.testing.assert_close(answer, given.classifier(given.hs, given.rgb).detach())


def test_no_bf16_is_told(classifier: SeedClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "bf16_usable", lambda _: False)
    with pytest.raises(inference.NotHereError, match="no bf16 here"):
        inference._bf16(subject(classifier))
    monkeypatch.setattr(inference, "bf16_usable", lambda _: True)
    given = subject(classifier)
    logits = inference._bf16(given)()
    assert logits.dtype == torch.float32
    exact = given.classifier(given.hs, given.rgb)
    assert 0 < (logits - exact).abs().max() < 0.1


def test_other_runtimes_answer_the_same_at_any_batch(
    classifier: SeedClassifier, tmp_path: Path
) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    path, note = inference._exported(classifier, tmp_path / "classifier.onnx", quick=True)
    assert path is not None, note
    assert note.startswith("ONNX by tracing")
    for batch in (1, 5):  # exported with neither
        given = subject(classifier, path, batch)
        expected = given.classifier(given.hs, given.rgb).detach()
        for prepare in (inference._onnxruntime, inference._openvino):
            if prepare is inference._openvino and find_spec("openvino") is None:
                continue
            torch.testing.assert_close(torch.from_numpy(prepare(given)().copy()), expected)


def test_openvino_tells_nobody(tmp_path: Path) -> None:
    if find_spec("openvino") is None:  # importing it to see would be what must not happen
        pytest.skip("openvino is not installed")
    code = (
        "from bimae.bench import inference as i\n"
        "i._onnx = lambda _: 'no such file'\n"
        "try: i._openvino(None)\n"
        "except Exception as error: print(error)\n"
    )
    # CI would keep it quiet anyway
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "no such file" in done.stdout  # it came as far as reading the model
    assert not (tmp_path / "intel").exists()


def test_an_export_that_fails_falls_back_and_then_says_why(
    classifier: SeedClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "find_spec", lambda _: True)
    asked: list[bool] = []

    def export(*_: object, dynamo: bool, **__: object) -> None:
        asked.append(dynamo)
        if dynamo or len(asked) > 2:
            raise ValueError("not today\nreally")

    monkeypatch.setattr(torch.onnx, "export", export)
    path = tmp_path / "classifier.onnx"
    assert inference._exported(classifier, path, quick=False)[0] == path
    assert asked == [True, False]
    nothing, note = inference._exported(classifier, path, quick=False)
    assert nothing is None
    assert note == "no ONNX model; torch.export: not today; tracing: not today"


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match="huge"):
        measure_inference("huge")
