"""A deployed model as a program for any batch, in a file: ONNX, or torch.export's own.

Shapes: N samples, n channels, S side of a spectral image, H side of the RGB image.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import Dim, ExportedProgram

from bimae.errors import ConfigError
from bimae.export.deployed import Deployed
from bimae.export.nameplate import KEY, Nameplate
from bimae.export.runtime import Exported

TORCH_KEY = f"{KEY}.json"  # the name of the metadata inside a file of torch.export
NEEDED = ("onnx", "onnxruntime", "onnxscript")


def traced(deployed: Deployed, plate: Nameplate) -> ExportedProgram:
    """The program of a deployed model, for any number of samples."""
    example = {
        # a batch of 1 may be taken for a constant
        name: torch.zeros((2, *shape), dtype=getattr(torch, pixels))
        for name, (shape, pixels) in plate.inputs.items()
    }
    anything = {name: {0: Dim("batch")} for name in example}
    with quietly():
        return torch.export.export(deployed, (), example, dynamic_shapes=anything)


def check_onnx_packages() -> None:
    """Refuses to begin where what writes and checks ONNX is not installed.

    Raises:
        ConfigError: Naming what is missing.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigError(
            f"ONNX needs packages that are not there ({', '.join(missing)}); install them with "
            "pip install 'bimae[export]'"
        )


def write_onnx(program: ExportedProgram, plate: Nameplate, path: Path) -> None:
    """Writes a program as ONNX, its nameplate among the metadata."""
    with quietly():
        made = torch.onnx.export(
            program,
            (),
            input_names=list(plate.inputs),
            output_names=list(plate.outputs),
            dynamo=True,
            verbose=False,
        )
        assert made is not None, "what the newer exporter gives"
        made.model.metadata_props[KEY] = plate.to_json()
        made.save(path, external_data=False)


def write_torch(program: ExportedProgram, plate: Nameplate, path: Path) -> None:
    """Writes a program as torch.export does, its nameplate beside it."""
    torch.export.save(program, path, extra_files={TORCH_KEY: plate.to_json()})


def open_torch(path: Path) -> Exported:
    """Opens a file of `write_torch` that this process made: to check it, not for strangers' files.

    Raises:
        ModelError: What it says of itself is damaged.
    """
    extra = {TORCH_KEY: ""}
    program = torch.export.load(path, extra_files=extra)
    plate = Nameplate.from_json(extra[TORCH_KEY], str(path))
    return Exported(path, plate, runs(program.module()), device="torch.export")


def runs(module: torch.nn.Module) -> Any:
    """What runs a deployed model in PyTorch on arrays."""

    def run(inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        tensors: dict[str, Tensor] = {k: torch.from_numpy(v) for k, v in inputs.items()}
        with torch.inference_mode():
            return [one.numpy() for one in module(**tensors)]

    return run


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings and log lines of exporters."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
