"""An exported ONNX file as one who answers (`predict.stream`), by ONNX Runtime alone. No torch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.errors import ModelError
from bimae.export.feeding import Feed
from bimae.export.nameplate import KEY, Nameplate
from bimae.predict.calibrated import Judged
from bimae.predict.stream import Modality, Told

Run = Callable[[Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Exported:
    """A file that runs.

    Attributes:
        path: The file.
        plate: What it says of itself.
        run: From inputs by name to outputs in the order of `Nameplate.outputs`.
        device: Where that is computed.
    """

    path: Path
    plate: Nameplate
    run: Run
    device: str = "onnxruntime"

    def on(self, samples: SeedDataset) -> "Answering":
        """Who answers for the samples of a data set.

        Raises:
            BimaeError: See `Feed.of`.
        """
        return Answering(self, Feed.of(self.plate, samples, str(self.path)))


@dataclass(frozen=True)
class Answering:
    """A file with the samples of a data set before it; an `Answerer`.

    Attributes:
        exported: The file.
        feed: How samples become its inputs.
    """

    exported: Exported
    feed: Feed

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in order."""
        return self.exported.plate.classes

    @property
    def modality(self) -> Modality:
        """See `Answerer`."""
        return self.exported.plate.modality

    @property
    def simulated(self) -> bool:
        """See `Answerer`."""
        return self.exported.plate.simulated

    @property
    def alpha(self) -> float | None:
        """See `Answerer`."""
        judging = self.exported.plate.judging
        return None if judging is None else judging.alpha

    def identity(self) -> dict[str, str]:
        """See `Answerer`."""
        plate = self.exported.plate
        return {
            "model": f"{plate.model} {plate.precision}",
            "sensor": plate.shown,
            "calibration": "none" if plate.judging is None else plate.judging.digest,
            "device": self.exported.device,
        }

    def tell(self, samples: SeedDataset, indices: Sequence[int], batch_size: int) -> Iterator[Told]:
        """See `Answerer`."""
        for start in range(0, len(indices), batch_size):
            some = [int(i) for i in indices[start : start + batch_size]]
            said = self.exported.run(self.feed.inputs(samples, some))
            odds = said[0]
            if not all(np.isfinite(one).all() for one in said):
                raise ModelError(
                    f"{self.exported.path}: what it says of {samples.where(some[0])} and the "
                    "samples after it is not finite; look at these samples (bimae data check)"
                )
            judged = Judged(odds, *said[1:]) if len(said) > 1 else None
            yield Told(np.array(some, np.int64), odds, judged)


def open_onnx(path: Path, *, threads: int = 0) -> Exported:
    """Opens a file that `bimae export` made.

    Args:
        path: The file.
        threads: That one answer may use; 0: as many as there are cores.

    Raises:
        ModelError: It is not there, is damaged, was not made by `bimae export`, or ONNX Runtime is
            not installed.
    """
    if not path.is_file():
        raise ModelError(f"{path}: found no such file; an exported model (.onnx) is expected")
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{path}: needs a package that is not there (onnxruntime); install it with "
            "pip install 'bimae[runtime]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # After an answer, its threads leave the processors to whoever reads the next samples.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # of several kinds, none of them public
        told = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: not readable as ONNX ({told}); export it again") from error
    found = session.get_modelmeta().custom_metadata_map.get(KEY)
    if found is None:
        raise ModelError(
            f"{path}: says nothing of classes and bands; a file made by bimae export is expected"
        )
    plate = Nameplate.from_json(found, str(path))
    names = list(plate.outputs)
    return Exported(path, plate, lambda inputs: session.run(names, dict(inputs)))
