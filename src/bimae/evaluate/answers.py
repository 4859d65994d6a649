"""What a classifier says of samples, a batch at a time: any number of samples need no more memory.

Shapes: N samples of a batch, K classes, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.data.loading import seed_loader
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier


@dataclass(frozen=True)
class Answers:
    """Of a batch.

    Attributes:
        index: [N] which samples of the data set these are.
        logits: [N, K].
        features: [N, D] what distances from the samples learned from are measured in
            (`SeedClassifier.answer`).
        truth: [N] class numbers; None where labels were not read.
    """

    index: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    truth: NDArray[np.int64] | None

    def probabilities(self) -> NDArray[np.float32]:
        """[N, K] as the network says them, rows sum to 1."""
        found: NDArray[np.float32] = torch.from_numpy(self.logits).softmax(dim=1).numpy()
        return found


def answers(
    model: SeedClassifier,
    samples: SeedDataset,
    indices: Sequence[int],
    looks: Looks,
    *,
    batch_size: int = 64,
) -> Iterator[Answers]:
    """Runs a classifier over samples, in order, nothing flipped.

    The model is moved to a GPU where there is one.

    Args:
        model: The classifier.
        samples: The data.
        indices: Which of them.
        looks: What it is shown (`look`).
        batch_size: Samples at a time.

    Raises:
        DataError: A record cannot be read; a label is missing or is none of the model's classes,
            where labels are read.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    rows = None if looks.rows is None else looks.rows.to(device)
    for batch in seed_loader(samples, indices, looks.reading, batch_size=batch_size):
        with torch.inference_mode():
            hs, rgb = batch.to(device).images(cut=model.discriminant is None)
            logits, features = model.answer(hs, rgb, rows)
            logits = logits.float()
        yield Answers(
            batch.index.numpy(),
            logits.cpu().numpy(),
            features.float().cpu().numpy(),
            None if batch.label is None else batch.label.numpy(),
        )
