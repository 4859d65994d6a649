"""Work on a GPU, recorded once and then started as one piece.

To start a kernel takes a processor some 10 us, as long as most kernels of a small model run: a step
of a thousand kernels waits for the processor most of the time. A recorded step (a CUDA graph) is
started once. It computes with the same memory each time, so what is new in a step is copied to
where the recording looks for it.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Work = Callable[[Any], T]


class Recorder:
    """Repeats work whose inputs have the same sizes every time."""

    def __init__(self) -> None:
        # What comes first is done as it is: libraries get ready, code is compiled. What comes
        # second shows which inputs stay where they are, such as a data set in memory.
        self._seen: dict[Hashable, list[Tensor]] = {}
        self._recordings: dict[Hashable, _Recording] = {}
        self._pool: Any = None

    def run(self, key: Hashable, work: Work[T], inputs: Any) -> T:
        """`work(inputs)`, from a recording where there is one.

        Args:
            key: What else the work depends on: work of the same key and the same sizes of inputs
                starts the same kernels. It must not wait for the GPU, nor draw random numbers.
            work: Maps inputs to results.
            inputs: Tensors on one CUDA device, in tuples and dataclasses.

        Returns:
            The results; those of a recording are overwritten by its next run.
        """
        tensors = tensors_of(inputs)
        sizes = tuple((t.shape, t.stride(), t.dtype) for t in tensors)
        key = (key, sizes, with_tensors(inputs, lambda _: None))  # and all that is no tensor
        recording = self._recordings.get(key)
        if recording is None or not recording.fits(tensors):
            earlier = self._seen.pop(key, None)
            if earlier is None:
                self._recordings.pop(key, None)
                self._seen[key] = tensors
                return work(inputs)
            recording = self._record(work, inputs, tensors, earlier)
            self._recordings[key] = recording
        return recording.run(tensors)  # type: ignore[no-any-return]

    def _record(
        self, work: Work[T], inputs: Any, tensors: Sequence[Tensor], earlier: Sequence[Tensor]
    ) -> "_Recording":
        stays = [one is other for one, other in zip(tensors, earlier, strict=True)]
        places = [t if stay else t.clone() for t, stay in zip(tensors, stays, strict=True)]
        left = iter(places)
        own = with_tensors(inputs, lambda _: next(left))
        graph = torch.cuda.CUDAGraph()
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        # Results of one recording stay where they are while others are made; all else is shared,
        # since only one runs at a time. Other threads (batches being pinned) are left alone.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            results = work(own)
        return _Recording(graph, places, stays, results)


@dataclass(frozen=True)
class _Recording:
    """Recorded work: where it takes its inputs from, which of them stay, and its results."""

    graph: torch.cuda.CUDAGraph
    places: list[Tensor]
    stays: list[bool]
    results: Any

    def fits(self, tensors: Sequence[Tensor]) -> bool:
        """Whether what was taken to stay in its place is there."""
        return all(
            not stay or tensor is place
            for tensor, place, stay in zip(tensors, self.places, self.stays, strict=True)
        )

    def run(self, tensors: Sequence[Tensor]) -> Any:
        for tensor, place, stay in zip(tensors, self.places, self.stays, strict=True):
            if not stay:
                place.copy_(tensor)
        self.graph.replay()
        return self.results


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors in tuples and dataclasses, in order."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    with_tensors(value, note)
    return found


def with_tensors(value: Any, change: Callable[[Tensor], Tensor | None]) -> Any:
    """The same tuples and dataclasses with other tensors in them."""
    if isinstance(value, Tensor):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        values = {f.name: getattr(value, f.name) for f in fields(value)}
        return replace(value, **{k: with_tensors(v, change) for k, v in values.items()})
    if isinstance(value, tuple):
        return tuple(with_tensors(part, change) for part in value)
    return value
