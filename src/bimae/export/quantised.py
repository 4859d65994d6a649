"""An exported ONNX file with its large products in 8 bits.

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

PRODUCTS = ("MatMul", "Gemm")
FLOAT32 = 1  # as ONNX numbers types
LEAST_VALUES = 4096  # of a matrix that is worth it; the head's has fewer in all but odd models
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

    model = onnx.load(source)
    weights = {one.name: one for one in model.graph.initializer}
    kept = [
        node.name
        for node in model.graph.node
        if node.op_type in PRODUCTS and not _is_large(weights, node.input[1])
    ]
    with quietly():
        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=list(PRODUCTS),
            nodes_to_exclude=kept,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    _rewritten(path, plate, {})


def with_thresholds(
    path: Path, plate: Nameplate, conformal: Conformal, reject: RejectThreshold
) -> Nameplate:
    """Gives a file that is there the thresholds that its own answers call for.

    Rounding to 8 bits moves strangeness more than it moves probabilities, and what is promised of
    sets and rejections holds for thresholds from answers of the file itself.

    Args:
        path: Of `quantise`, calibrated.
        plate: What it says of itself.
        conformal: Of its sets.
        reject: Of its rejections.

    Returns:
        What it says of itself now.
    """
    assert plate.judging is not None, "calibrated"
    judging = replace(plate.judging, thresholds=conformal.thresholds, reject=reject.value)
    judging = replace(judging, digest=digest(judging.digest.encode(), repr(judging).encode()))
    plate = replace(plate, judging=judging)
    values = {THRESHOLDS: conformal.thresholds, LIMIT: (reject.value,)}
    _rewritten(path, plate, values)
    return plate


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


def _is_large(weights: Mapping[str, Any], name: str) -> bool:
    """Whether this is a float32 matrix of the encoder's, and not of distances or the head's."""
    found = weights.get(name)
    if found is None or found.data_type != FLOAT32:
        return False
    return int(np.prod(found.dims)) >= LEAST_VALUES
