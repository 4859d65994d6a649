"""Figures of a batch and their gradients, in the way that is fastest on this machine.

A batch goes through the model in parts of a few samples. On a CPU each core works on parts of its
own, with products of one thread each: threads that share every small product wait for each other
after each of them, and for whoever else uses the cores (docs/performance.md has the figures). Parts
also bound the memory of a step, whatever its batch size. On a GPU there is one part, unless more
are asked for, and the whole of a step is recorded and started at once (`recording.py`).

In bfloat16 the model that computes is a copy, refreshed from the float32 weights once a step; sums
of gradients, norms, losses and the optimiser stay in float32.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import partial
from itertools import count, pairwise
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from bimae.model.blocks import WORTH_COMPILING
from bimae.train.options import Arithmetic
from bimae.train.recording import Recorder

LEAST = 4  # samples of a part, where more cores than that would leave fewer
AT_ONCE: dict[Arithmetic, int] = {"32": 16, "bf16-mixed": 64}  # samples of a part on a CPU
GRADIENT_BYTES = 2 << 30  # for gradients that wait for their turn

Figures = dict[str, Tensor]
F = TypeVar("F", bound=Callable[..., Any])


class Parted(Protocol):
    """What can be cut into parts of a few samples: tensors in tuples and dataclasses."""

    def __len__(self) -> int:
        """Samples."""

    def part(self, where: slice) -> Self:
        """Some of the samples."""


class Found(NamedTuple):
    """What a model says of some samples.

    Attributes:
        figures: Means over them by name; `loss` must be one, where gradients are wanted.
        each: What is wanted of each sample [B, ...], if anything.
    """

    figures: Figures
    each: Tensor | None = None


Forward = Callable[[Any, Any], Found]  # of the model that computes, and a part of the batch


class Engine:
    """Runs a model over the parts of a batch.

    Attributes:
        model: The model with the float32 weights, which the optimiser changes.
        threads: Parts at work at a time.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        precision: Arithmetic = "32",
        at_once: int | None = None,
        parts: int = 1,
        compiled: bool = False,
        recorded: bool = False,
        every: bool = False,
        whole: bool = False,
    ) -> None:
        """Prepares to run `model`; where its weights lie is seen at the first step.

        Args:
            model: The model.
            precision: `32`, or `bf16-mixed`.
            at_once: Samples of a part on a CPU: enough for efficient products, few enough for the
                caches; default: what was fastest in this precision.
            parts: Least number of parts of a batch: more need less memory.
            compiled: Whether to compile what computes.
            recorded: Whether to record steps on a GPU; `forward` must then be the same function
                every time, and may depend on nothing but its arguments.
            every: Whether weights that have no part in a step get a gradient of zero: processes
                wait for each other's gradients of every weight.
            whole: One part, with the gradients left to the usual backward pass: for a strategy
                that hands the weights out itself.
        """
        self.model = model
        self.compiled, self.every, self.whole = compiled, every, whole
        self.at_once, self.parts = at_once or AT_ONCE[precision], parts
        self.precision = precision
        self.threads = torch.get_num_threads()
        self._recorder = Recorder() if recorded else None
        self._compiled_for: int | None = None
        self._fast: dict[Any, Any] = {}
        self._work: nn.Module | None = None
        self._pool: ThreadPoolExecutor | None = None

    def means(self, forward: Forward, batch: Parted, *, weight: float = 1.0) -> Found:
        """Means over a batch of what `forward` says of its parts.

        Args:
            forward: Called with the model that computes and a part of the batch.
            batch: The samples.
            weight: What the gradients of this process count, where several share a step.

        Returns:
            The means, and what was wanted of each sample; `loss` hands the gradients to the
            parameters of `model` when `backward` is called on it.
        """
        if self.whole:
            found = forward(self.model, batch)
            return found._replace(figures=found.figures | {"loss": found.figures["loss"] * weight})
        learn = torch.is_grad_enabled()
        add_up = partial(self._add_up, forward, weight, learn)
        if self._recorder is None or next(self.model.parameters()).device.type != "cuda":
            figures, each, gradients = add_up(batch)
        else:
            key = (forward, weight, learn, torch.is_inference_mode_enabled(), self.model.training)
            figures, each, gradients = self._recorder.run(key, add_up, batch)
            figures = {name: value.clone() for name, value in figures.items()}
            each = None if each is None else each.clone()
            # Under names of their own they become gradients without a copy, though the recording
            # holds on to them.
            gradients = [g if g is None else g.detach() for g in gradients]
        if learn:
            masters = [p for p in self.model.parameters() if p.requires_grad]
            if self.every:
                gradients = [
                    torch.zeros_like(p) if g is None else g
                    for p, g in zip(masters, gradients, strict=True)
                ]
            figures["loss"] = _Computed.apply(  # type: ignore[no-untyped-call]
                figures["loss"], gradients, *masters
            )
        return Found(figures, each)

    def fast(self, function: F) -> F:
        """`function` of the computing model, compiled where that pays."""
        if not self.compiled:
            return function
        if function not in self._fast:
            self._fast[function] = torch.compile(function)
        return self._fast[function]  # type: ignore[no-any-return]

    def _add_up(
        self, forward: Forward, weight: float, learn: bool, batch: Parted
    ) -> tuple[Figures, Tensor | None, list[Tensor | None]]:
        """Figures, what was wanted of each sample, and gradients."""
        samples = len(batch)
        work = self._working()
        first = next(work.parameters())
        workers = self._workers(samples, first.device)
        cuts = self._cuts(samples, workers, first.device)
        leaves = [p for p in work.parameters() if p.requires_grad] if learn else []
        total = _Total(len(leaves), len(cuts))

        def run(number: int) -> None:
            where = cuts[number]
            share = (where.stop - where.start) / samples
            with torch.set_grad_enabled(learn):
                figures, each = forward(work, batch.part(where))
                gradients: tuple[Tensor | None, ...] = ()
                if learn:
                    gradients = torch.autograd.grad(
                        figures["loss"] * (share * weight), leaves, allow_unused=True
                    )
            shares = {name: value.detach() * share for name, value in figures.items()}
            total.add(number, Found(shares, each), gradients)

        with self._stance(samples, learn):
            self._run(run, len(cuts), workers, total)
        each = [one for one in total.each if one is not None]
        return total.figures, torch.cat(each) if each else None, total.gradients

    def _stance(self, samples: int, learn: bool) -> AbstractContextManager[Any]:
        """Code is compiled for full batches of training alone: each size would take as long."""
        if not self.compiled:
            return nullcontext()
        if learn and self._compiled_for in (None, samples):
            self._compiled_for = samples
            return nullcontext()
        stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return stance

    def _working(self) -> nn.Module:
        """The model that computes: the model itself, or a copy that is up to date."""
        # A recording must not meet weights whose gradients somebody else may be waiting for.
        if self.precision == "32" and not self.compiled and self._recorder is None:
            return self.model
        if self._work is None:
            with torch.inference_mode(False):
                self._work = deepcopy(self.model)
                if self.precision != "32":
                    to_bfloat16(self._work)
                if self.compiled:
                    _compile(self._work)
        self._work.train(self.model.training)
        with torch.no_grad():
            torch._foreach_copy_(list(self._work.parameters()), list(self.model.parameters()))
        return self._work

    def _workers(self, samples: int, device: torch.device) -> int:
        """Parts to have at work at a time."""
        if device.type != "cpu":
            return 1
        # Each holds gradients of its own until it is its turn to add them.
        weights = sum(p.nbytes for p in self.model.parameters())
        return max(1, min(self.threads, samples // LEAST, GRADIENT_BYTES // weights))

    def _cuts(self, samples: int, workers: int, device: torch.device) -> list[slice]:
        parts = self.parts
        if device.type == "cpu":
            parts = max(parts, -(-samples // self.at_once))
            parts = -(-parts // workers) * workers  # nobody without work at the end
        parts = min(parts, samples)
        ends = [samples * n // parts for n in range(parts + 1)]
        return [slice(a, b) for a, b in pairwise(ends)]

    def _run(self, run: Callable[[int], None], parts: int, workers: int, total: "_Total") -> None:
        if workers == 1:
            for number in range(parts):
                run(number)
            return
        numbers = count()
        each = self.threads // workers  # threads of a product; mostly one

        def work() -> None:
            torch.set_num_threads(each)
            try:
                while (number := next(numbers)) < parts:
                    run(number)
            except BaseException as error:
                total.give_up(error)

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads - 1)
        others = [self._pool.submit(work) for _ in range(workers - 1)]
        try:
            work()
            for other in others:
                other.result()
        finally:
            torch.set_num_threads(self.threads)
        if total.error is not None:
            raise total.error

    def __getstate__(self) -> dict[str, Any]:
        recorder = None if self._recorder is None else Recorder()
        return self.__dict__ | {"_pool": None, "_work": None, "_fast": {}, "_recorder": recorder}


class _Total:
    """Sums over parts, added in the order of the parts, so that a run can be repeated."""

    def __init__(self, parameters: int, parts: int) -> None:
        self.figures: Figures = {}
        self.each: list[Tensor | None] = [None] * parts
        self.gradients: list[Tensor | None] = [None] * parameters
        self.error: BaseException | None = None
        self._turn = 0
        self._changed = threading.Condition()

    def add(self, number: int, found: Found, gradients: tuple[Tensor | None, ...]) -> None:
        """Adds part `number` once all before it are in."""
        with self._changed:
            self._changed.wait_for(lambda: self._turn == number or self.error is not None)
            if self.error is not None:
                raise self.error
            for name, value in found.figures.items():
                self.figures[name] = self.figures[name] + value if number else value
            self.each[number] = found.each
            self._add_gradients(gradients)
            self._turn += 1
            self._changed.notify_all()

    def give_up(self, error: BaseException) -> None:
        """Lets nobody wait for a part that will not come; the first error is the one to tell."""
        with self._changed:
            self.error = self.error or error
            self._changed.notify_all()

    def _add_gradients(self, gradients: tuple[Tensor | None, ...]) -> None:
        sums: list[Tensor] = []
        more: list[Tensor] = []
        for place, gradient in enumerate(gradients):
            if gradient is None:
                continue
            known = self.gradients[place]
            if known is None:
                self.gradients[place] = gradient.float().contiguous()
            else:
                sums.append(known)
                more.append(gradient)
        if sums:
            torch._foreach_add_(sums, more)


class _Computed(torch.autograd.Function):
    """A loss whose gradients are known already."""

    @staticmethod
    def forward(
        ctx: Any, loss: Tensor, gradients: list[Tensor | None], *_parameters: Tensor
    ) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        gradients, ctx.gradients = ctx.gradients, None
        (factor,) = upstream
        if factor.is_cuda or factor != 1:  # asking a GPU would mean to wait for it
            torch._foreach_mul_([g for g in gradients if g is not None], factor)
        return None, None, *gradients


def to_bfloat16(model: nn.Module) -> None:
    """Makes it compute in bfloat16; norms keep float32."""
    for module in model.modules():
        if not isinstance(module, nn.LayerNorm):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.bfloat16()


def _compile(model: nn.Module) -> None:
    """Compiles its blocks: those of one kind share their code, which is ready twelve times sooner.

    As `forward`, not by `nn.Module.compile`: that keeps the code of all kinds in one place, which
    holds eight at most.
    """
    for module in model.modules():
        if isinstance(module, WORTH_COMPILING):
            module.forward = torch.compile(module.forward)  # type: ignore[method-assign]
