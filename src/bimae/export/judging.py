"""A calibration as a part of a graph: what `Calibrated.judge` does, in float64 as there.

Shapes: N samples, K classes, D width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from bimae.predict.calibrated import Calibrated, Score
from bimae.predict.mahalanobis import Mahalanobis


class Judge(nn.Module):
    """Logits and features to calibrated probabilities, sets, strangeness and rejection."""

    def __init__(self, calibrated: Calibrated) -> None:
        super().__init__()
        self.temperature, self.lapse = calibrated.temperature, calibrated.lapse
        # by these names, 8-bit files get thresholds of their own (`quantised`)
        for name, values in (
            ("thresholds", calibrated.conformal.thresholds),
            ("limit", (calibrated.reject.value,)),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))
        self.thresholds: Tensor
        self.limit: Tensor
        self.strange = Strangeness(calibrated.score, calibrated.distances)

    def forward(self, logits: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[N, K] and [N, D] to probabilities [N, K], sets [N, K], strangeness and rejection [N]."""
        exact = logits.double()
        # what is told decides: of the very samples that thresholds are of, too
        sure = (exact / self.temperature).softmax(dim=1)
        said = ((1 - self.lapse) * sure + self.lapse / sure.shape[1]).float()
        numbers = torch.arange(said.shape[1], device=said.device)
        likeliest = numbers == said.argmax(dim=1, keepdim=True)
        inside = (said.double() >= self.thresholds) | likeliest
        strange = self.strange(exact, features.double()).float()
        return said, inside, strange, strange.double() > self.limit


class Strangeness(nn.Module):
    """One of the scores of `predict.calibrated`, [N] float64."""

    def __init__(self, score: Score, distances: Mahalanobis | None) -> None:
        super().__init__()
        self.score = score
        if distances is None:
            return
        of_all = (distances.center @ distances.whitener_of_all)[None]
        for name, array in {
            "whitener": distances.whitener,
            "means": distances.means @ distances.whitener,  # of whitened features
            "whitener_of_all": distances.whitener_of_all,
            "center": of_all,
        }.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)))
        self.whitener: Tensor
        self.means: Tensor
        self.whitener_of_all: Tensor
        self.center: Tensor

    def forward(self, logits: Tensor, features: Tensor) -> Tensor:
        """Logits [N, K] and features [N, D], both float64, to [N]."""
        if self.score == "energy":
            return -logits.logsumexp(dim=1)
        if self.score == "unsureness":
            return _unsureness(logits)
        # Whitened first, a mean taken off after: in float64 nothing that is close is lost.
        white = (features @ self.whitener)[:, None] - self.means
        nearest = white.square().sum(dim=2).amin(dim=1)
        if self.score == "mahalanobis":
            return nearest
        background = features @ self.whitener_of_all - self.center
        return nearest - background.square().sum(dim=1)


def _unsureness(logits: Tensor) -> Tensor:
    below = logits - logits.amax(dim=1, keepdim=True)
    numbers = torch.arange(logits.shape[1], device=logits.device)
    likeliest = numbers == logits.argmax(dim=1, keepdim=True)
    return below.exp().masked_fill(likeliest, 0).sum(dim=1).log1p()
