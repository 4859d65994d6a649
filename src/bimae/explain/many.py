"""Explanations of many samples of a data set, and how far they are to be believed.

Shapes: n channels, C cells, K classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.explain.deletion import Deletion, deletions
from bimae.explain.explainer import Explainer, Key, Maps

Watch = Callable[[Iterable[int]], Iterable[int]]


@dataclass(frozen=True)
class Explained:
    """A sample and what carried the answer to it.

    Attributes:
        index: Its place in the data set.
        probabilities: [K] as the network says them: not calibrated.
        target: Number of the class that is explained, the likeliest.
        against: Of the class that it is held against; None: all others.
        maps: [C] of each kind of piece, by each method.
        deletions: How the answer falls along each map; empty where that was not checked.
        at_random: The same maps of a model with random weights; empty likewise.
    """

    index: int
    probabilities: NDArray[np.float64]
    target: int
    against: int | None
    maps: Maps
    deletions: Mapping[Key, Deletion] = field(default_factory=dict)
    at_random: Maps = field(default_factory=dict)


def explain_many(
    explainer: Explainer,
    samples: SeedDataset,
    chosen: Sequence[int],
    reading: Reading,
    *,
    against: int | None = None,
    second: bool = False,
    check: int = 12,
    watch: Watch = iter,
) -> Iterator[Explained]:
    """Explains the likeliest class of each sample.

    Args:
        explainer: The model and what to cut samples into.
        samples: The data.
        chosen: Which of them, in this order.
        reading: How they are read.
        against: A class to hold it against; of samples of that class, and by default, all others.
        second: Hold it against the second likeliest of each sample.
        check: How many of the first samples are checked, by deletion and with random weights.
        watch: What the numbers pass through, such as a progress bar.

    Raises:
        DataError: A record cannot be read.
    """
    fresh = explainer.at_random() if check else explainer
    device = next(explainer.model.parameters()).device
    for place, index in enumerate(watch(chosen)):
        (batch,) = seed_loader(samples, [index], reading, batch_size=1)
        views = batch.to(device).images(cut=False)
        with torch.inference_mode():
            logits = explainer.model(*views, explainer.rows)[0].double()
        order = logits.argsort(descending=True, stable=True).tolist()
        target, other = order[0], against
        if second and len(order) > 1:
            other = order[1]
        if other == target:
            other = None
        hs, rgb = (None if view is None else view[0] for view in views)
        asked = explainer.asked(hs, rgb, target, other)
        maps = explainer.maps(asked)
        said = logits.softmax(dim=0).cpu().numpy()
        if place >= check:
            yield Explained(index, said, target, other, maps)
            continue
        falls: dict[Key, Deletion] = {}
        for pieces in explainer.pieces:
            worth = {key: m for key, m in maps.items() if key[0] == pieces.kind}
            falls |= deletions(asked, pieces, worth, seed=index)
        other_maps = fresh.maps(fresh.asked(hs, rgb, target, other))
        yield Explained(index, said, target, other, maps, falls, other_maps)
