"""Two small convolutional networks as baselines, and the plain loop that trains them.

Both have fewer than 200,000 weights (for up to some 250 classes), no dropout and no running
statistics, so that a few samples do. All is drawn from the seed; on one machine with one number of
threads the same seed gives the same answers.

Shapes: B batch, C channels (3 colours, or bands), h, w pixels, K classes.
"""

from collections.abc import Callable, Iterator
from math import ceil, cos, pi, prod

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bimae.evaluate.classifiers import Answer, Floats, Labelled, Task, macro_f1

BATCH = 32
ROUNDS = 30  # as often is it judged; a round is one pass, or more where samples are few
STEPS_A_ROUND = 20
PEAK_RATE, WARMUP, DECAY = 2e-3, 0.1, 1e-2

Make = Callable[[tuple[int, int, int], int], nn.Module]  # (C, h, w), K -> network


class ColourNetwork(nn.Module):
    """Four 2D convolutions, the mean over the image, a linear layer."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        """For images [B, C, h, w]; the first stride makes the second layer 24 to 48 pixels wide."""
        super().__init__()
        first = min(max(min(shape[1:]) // 24, 1), 4)
        widths = (shape[0], 24, 48, 96, 96)
        self.layers = nn.Sequential(
            *(
                _layer(nn.Conv2d(a, b, size, stride, size // 2, bias=False))
                for a, b, size, stride in zip(
                    widths, widths[1:], (5, 3, 3, 3), (first, 2, 2, 2), strict=False
                )
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, h, w] -> logits [B, K]."""
        logits: Tensor = self.head(self.layers(images).mean(dim=(2, 3)))
        return logits


class SpectralNetwork(nn.Module):
    """Four 3D convolutions over bands and pixels, the mean over pixels, a linear layer.

    The mean leaves the bands apart: where in the spectrum something lies is what tells classes.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        """For cubes [B, C, h, w] of about 50 bands; the first stride in space is 1 to 4."""
        super().__init__()
        first = min(max(min(shape[1:]) // 12, 1), 4)
        self.layers = nn.Sequential(
            _layer(FirstConvolution(12, (7, 3, 3), (2, first, first))),
            _convolution(12, 24, (5, 3), (2, 2)),
            _convolution(24, 48, (3, 3), (2, 2)),
            _convolution(48, 64, (3, 3), (2, 1)),
        )
        bands = shape[0]
        for _ in range(4):
            bands = ceil(bands / 2)
        self.head = nn.Linear(64 * bands, classes)

    def forward(self, cubes: Tensor) -> Tensor:
        """[B, C, h, w] -> logits [B, K]."""
        found = self.layers(cubes.unsqueeze(1))  # [B, 64, C/16, h', w']
        logits: Tensor = self.head(found.mean(dim=(3, 4)).flatten(1))
        return logits


class FirstConvolution(nn.Module):
    """A 3D convolution of one channel, padded by half its size, as one matrix product.

    oneDNN's gradient of such weights reads memory that nobody wrote at some small sizes (batch 8
    of 6x4x4, torch 2.13): other numbers each time, NaN among them.
    """

    def __init__(
        self, channels: int, size: tuple[int, int, int], stride: tuple[int, int, int]
    ) -> None:
        """Weights as `nn.Conv3d(1, channels, size, stride, bias=False)` draws them."""
        super().__init__()
        self.out_channels = channels
        self.size, self.stride = size, stride
        bound = prod(size) ** -0.5
        self.weight = nn.Parameter(torch.empty(channels, prod(size)).uniform_(-bound, bound))

    def forward(self, cubes: Tensor) -> Tensor:
        """[B, 1, C, h, w] -> [B, channels, C', h', w']."""
        x = F.pad(cubes[:, 0], [n // 2 for n in reversed(self.size) for _ in range(2)])
        for axis, (size, stride) in enumerate(zip(self.size, self.stride, strict=True), 1):
            x = x.unfold(axis, size, stride)
        return (x.flatten(4) @ self.weight.T).movedim(-1, 1).contiguous()


def _convolution(a: int, b: int, size: tuple[int, int], stride: tuple[int, int]) -> nn.Module:
    """A 3D convolution; sizes and strides are of (bands, pixels)."""
    (deep, wide), (along, across) = size, stride
    return _layer(
        nn.Conv3d(
            a,
            b,
            (deep, wide, wide),
            (along, across, across),
            (deep // 2, wide // 2, wide // 2),
            bias=False,
        )
    )


def _layer(convolution: nn.Conv2d | nn.Conv3d | FirstConvolution) -> nn.Module:
    width = convolution.out_channels
    return nn.Sequential(
        convolution, nn.GroupNorm(width // 6 if width % 8 else 8, width), nn.ReLU()
    )


def by_network(make: Make) -> Answer:
    """A network as an answer to tasks whose `x` are images [N, C, h, w].

    The state with the best macro-F1 on the samples to choose by is kept (the latest of equals),
    without these the last. Balanced weighs the loss by class.
    """

    def answer(task: Task) -> Floats:
        shape = task.seen.x.shape[1:]
        with torch.random.fork_rng(devices=[]):  # layers are drawn from torch's own generator
            torch.manual_seed(task.seed)
            network = make(shape, task.classes)
        scale = _scale_of(task.seen.x)
        best, kept = -1.0, None
        for _ in _rounds(network, task, scale):
            if task.held is None:
                continue
            score = _judged(network, task.held, scale)
            if score >= best:
                best = score
                kept = {name: value.clone() for name, value in network.state_dict().items()}
        if kept is not None:
            network.load_state_dict(kept)
        return _answers(network, task.unseen, scale)

    return answer


def _rounds(network: nn.Module, task: Task, scale: tuple[Tensor, Tensor]) -> Iterator[None]:
    """Trains; pauses after each round."""
    generator = torch.Generator().manual_seed(task.seed)
    labels = torch.from_numpy(task.seen.y)
    weights = None
    if task.balanced:
        counts = torch.bincount(labels, minlength=task.classes)
        weights = len(labels) / (task.classes * counts)
    a_round = max(ceil(len(labels) / BATCH), STEPS_A_ROUND)
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=DECAY)
    batches = _batches(len(labels), generator)
    for step in range(ROUNDS * a_round):
        rows = next(batches)
        images = _flipped(_read(task.seen.x, rows.numpy(), scale), generator)
        network.train()
        loss = F.cross_entropy(network(images), labels[rows], weights)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * rate((step + 1) / (ROUNDS * a_round))
        optimiser.step()
        if (step + 1) % a_round == 0:
            yield


def rate(done: float) -> float:
    """Share of the peak learning rate after a share of all steps: up, then down as a cosine."""
    if done < WARMUP:
        return done / WARMUP
    return 0.5 * (1 + cos(pi * (done - WARMUP) / (1 - WARMUP)))


def _batches(count: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Numbers of samples without end: all in a drawn order, then all in another.

    A lone last one waits for the next order: the gradients of a single image are summed up in the
    order in which threads happen to end on some processors (Emerald Rapids, torch 2.13).
    """
    alone = count > 1 and count % BATCH == 1
    while True:
        order = torch.randperm(count, generator=generator)
        yield from (order[i : i + BATCH] for i in range(0, count - alone, BATCH))


def _flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image turned upside down, left to right, both or neither."""
    turns = torch.rand(len(images), 2, 1, 1, 1, generator=generator) < 0.5
    images = torch.where(turns[:, 0], images.flip(2), images)
    return torch.where(turns[:, 1], images.flip(3), images)


def _scale_of(images: NDArray[np.generic]) -> tuple[Tensor, Tensor]:
    """[C, 1, 1] mean and deviation of each channel over all pixels, image by image."""
    sums = np.zeros((2, images.shape[1]))
    for image in images:
        values = image.astype(np.float64)
        sums += values.mean(axis=(1, 2)), np.square(values).mean(axis=(1, 2))
    mean, square = sums / len(images)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    deviation[deviation < 1e-6 * max(float(deviation.max()), 1e-6)] = 1  # a channel that is even
    both = torch.from_numpy(np.stack([mean, deviation]).astype(np.float32))[:, :, None, None]
    return both[0], both[1]


def _read(
    images: NDArray[np.generic], rows: NDArray[np.int64] | slice, scale: tuple[Tensor, Tensor]
) -> Tensor:
    mean, deviation = scale
    return (torch.from_numpy(images[rows].astype(np.float32)) - mean) / deviation


def _answers(
    network: nn.Module, images: NDArray[np.generic], scale: tuple[Tensor, Tensor]
) -> Floats:
    network.eval()
    with torch.inference_mode():
        parts = [
            network(_read(images, slice(i, i + 2 * BATCH), scale)).double().softmax(dim=1)
            for i in range(0, len(images), 2 * BATCH)
        ]
    return torch.cat(parts).numpy()


def _judged(network: nn.Module, held: Labelled, scale: tuple[Tensor, Tensor]) -> float:
    return macro_f1(held.y, _answers(network, held.x, scale).argmax(axis=1))
