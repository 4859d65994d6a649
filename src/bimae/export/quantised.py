"""An exported ONNX file with the products of its encoder in 8 bits.

The scale of what is multiplied is found anew for each product (dynamic quantisation): no range that
was measured on some seeds cuts off what others show. Weights have a scale for each of their columns
and use 7 of the 8 bits, without which processors that have no instructions for such products (AVX2)
add up two of them beyond 16 bits and answer wrongly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bimae.export.nameplate import KEY, Nameplate
from bimae.export.program import quietly
from bimae.predict.conformal import Conformal
from bimae.predict.stream import digest
from bimae.predict.unknown import RejectThreshold

FLOAT32 = 1  # as ONNX numbers types
SCOPES = "pkg.torch.onnx.name_scopes"  # where PyTorch notes which module a node is of
ENCODER = "'classifier.trunk.encoder."
THRESHOLDS, LIMIT = "judge.thresholds", "judge.limit"


def quantise(source: Path, plate: Nameplate, path: Path) -> None:
    """Writes a file with products of 8 bits; what scales and judges stays as it is.

    Args:
        source: Of `write_onnx`.
        plate: What the new file says of itself.
        path: The new file.
    """
    import onnx  # noqa: PLC0415 - an extra
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    graph = onnx.load(source).graph
    kept = []
    weights = {one.name for one in graph.initializer if one.data_type == FLOAT32}
    for node in graph.node:
        if node.op_type == "MatMul" and not (_of_encoder(node) and node.input[1] in weights):
            kept.append(node.name)
        elif node.op_type == "Gemm":  # the head, of one vector a sample: it costs nothing
            kept.append(f"{node.name}_MatMul")  # what the library makes of it first
    with quietly():
        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=kept,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    _rewritten(path, plate, {})


def _of_encoder(node: Any) -> bool:
    return any(one.key == SCOPES and ENCODER in one.value for one in node.metadata_props)


def with_thresholds(
    path: Path, plate: Nameplate, conformal: Conformal, reject: RejectThreshold
) -> None:
    """Gives a file that is there the thresholds that its own answers call for.

    Rounding to 8 bits moves strangeness more than it moves probabilities, and what is promised of
    sets and rejections holds for thresholds from answers of the file itself.

    Args:
        path: Of `quantise`, calibrated.
        plate: What it says of itself.
        conformal: Of its sets.
        reject: Of its rejections.
    """
    assert plate.judging is not None, "calibrated"
    judging = replace(
        plate.judging,
        thresholds=conformal.thresholds,
        reject=reject.value,
        samples=sum(conformal.samples),
    )
    judging = replace(judging, digest=digest(judging.digest.encode(), repr(judging).encode()))
    values = {THRESHOLDS: conformal.thresholds, LIMIT: (reject.value,)}
    _rewritten(path, replace(plate, judging=judging), values)


def _rewritten(path: Path, plate: Nameplate, constants: Mapping[str, Sequence[float]]) -> None:
    """Another nameplate, and other values of some constants in float64."""
    import onnx  # noqa: PLC0415 - an extra

    made = onnx.load(path)
    held = {one.name: one for one in made.graph.initializer}
    for name, values in constants.items():
        held[name].CopyFrom(onnx.numpy_helper.from_array(np.array(values, np.float64), name=name))
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, {KEY: plate.to_json()})
    onnx.save(made, path)
