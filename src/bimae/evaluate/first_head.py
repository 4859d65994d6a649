"""What the head of a classifier is before anything is learned: discriminant analysis.

With a few labels of each class that is hard to beat for what it costs (docs/findings.md); and what
comes out is a classifier like any other.
"""

from collections.abc import Sequence

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data import SeedDataset, Split
from bimae.errors import DataError
from bimae.evaluate.answers import answers
from bimae.evaluate.discriminant import Discriminant
from bimae.evaluate.frozen import Part, Parts
from bimae.evaluate.looks import look
from bimae.evaluate.probe import Probed, lda_probe, undisturbed
from bimae.model import SeedClassifier


def discriminant_head(
    model: SeedClassifier,
    samples: SeedDataset,
    split: Split,
    *,
    balanced: bool = False,
    seed: int = 0,
) -> Probed:
    """Gives a classifier the head that discriminant analysis finds on what its encoder says.

    Args:
        model: Its head is changed; it ends on the CPU.
        samples: The data, all labelled with its classes.
        split: The training part is learned from; the shrinkage is chosen on the validation part.
        balanced: Take every class for equally likely before a sample is seen.
        seed: Deals out the folds that choose the shrinkage where there is no validation part.

    Returns:
        The analysis, its answers those on what it learned from.

    Raises:
        DataError: A record cannot be read, or the training part has one class only.
    """
    if len({samples.labels[i] for i in split.train}) < 2:
        raise DataError(
            f"{samples.root}: the training part has one class only, and discriminant analysis "
            "needs two; split the data again, or leave out --head"
        )
    was = model.training
    train, val = (_part(model, samples, part) for part in (split.train, split.val))
    parts = Parts(model.config.classes, train, val, train)
    chosen = lda_probe(parts, balanced=balanced, seed=seed)
    with threadpool_limits(1), undisturbed():
        found = Discriminant(chosen.setting, balanced=balanced).fit(train.features, train.truth)
    weights, bias = found.linear(len(model.config.classes))
    model.cpu().train(was)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weights))
        model.head.bias.copy_(torch.from_numpy(bias))
    return chosen


def _part(model: SeedClassifier, samples: SeedDataset, indices: Sequence[int]) -> Part:
    keys = [samples.ids[i] for i in indices]
    groups = [samples.groups[i] for i in indices]
    said = list(answers(model, samples, indices, look(model, samples)))
    if not said:
        width = model.config.model.width
        return Part(keys, np.empty((0, width)), np.empty(0, np.int64), groups)
    truth = [one.truth for one in said if one.truth is not None]
    features = np.concatenate([one.features for one in said]).astype(np.float64)
    return Part(keys, features, np.concatenate(truth), groups)
