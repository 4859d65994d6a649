"""The discriminant beside a network: put there, and weighed against it.

Shapes: N samples, n channels, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from bimae.data import SeedDataset, Split
from bimae.data.batch import WHOLE, Sensor
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.data.showing import blank
from bimae.errors import DataError
from bimae.evaluate.gaussian import gaussian, looked, remembered
from bimae.evaluate.turning import of_channels, turn_discriminant
from bimae.model import SeedClassifier
from bimae.model.mean_discriminant import KINDS

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

ENOUGH = 20  # samples of a validation part that can tell what two numbers should be
STARTS = ((1.0, 1.0), (0.5, 0.5), (1.0, 0.1), (0.1, 1.0), (0.3, 0.03))
UNSEEN = 1000.0  # nats by which a class without samples is less likely than the rarest: never it


@dataclass(frozen=True)
class Beside:
    """What came of it.

    Attributes:
        shrinkage: Share of the covariance within classes that was taken from inside objects.
        shares: What the logits of the network and those of the discriminant count, by kind of
            camera (`MeanDiscriminant.shares`); of a model of one sensor under `own` alone.
        weighed_on: Samples that this was weighed on; 0: on none, both count as they are.
    """

    shrinkage: float
    shares: dict[str, tuple[float, float]]
    weighed_on: int


def add_discriminant(
    model: SeedClassifier,
    samples: SeedDataset,
    split: Split,
    *,
    class_weights: Sequence[float] | None = None,
    cameras: Sequence[Sensor] | None = None,
    trained: bool = True,
) -> Beside:
    """Puts a discriminant beside the network of a classifier, and weighs the two.

    Means and the covariance within classes are measured on the training part as the network is
    shown it, unturned. The covariance is shrunk (Ledoit and Wolf, 2004) towards how pixels of one
    object vary, which few labels are enough for: of all directions, those in which pixels of one
    object differ tell objects apart least.

    What the logits of the two count is found on the validation part (`_weights`), for each kind of
    camera; with fewer than 20 samples there, both count as they are.

    Args:
        model: The classifier; it ends on the CPU.
        samples: The data, labelled with its classes.
        split: The training part is learned from, the validation part weighs.
        class_weights: [K] what a sample of each class counts, and by which its class is taken to be
            likelier beforehand than it is frequent; None: all alike.
        cameras: Of a model of any sensor, one of each of `KINDS`, for which its answers are
            weighed; None: it has one.
        trained: Whether the network has learned; else it does not count.

    Returns:
        What came of it.

    Raises:
        ConfigError: It is of any sensor, and scales each pixel by its own range.
        DataError: A record cannot be read, or the training part has one class only.
    """
    config = replace(model.config, discriminant=True)  # refuses one that cannot have it
    if len({samples.labels[i] for i in split.train}) < 2:
        raise DataError(
            f"{samples.root}: the training part has one class only, and a discriminant needs two; "
            "split the data again, or leave out --discriminant"
        )
    was = model.training
    model.cpu().eval()
    reading = Reading.of(config)
    seen = looked(config, samples, split.train)
    means, covariance, shrinkage = gaussian(seen, len(config.classes))
    objects = remembered(seen)
    made = model.add_discriminant(len(objects[1]))
    counts = np.bincount(seen.truth, minlength=len(config.classes)).astype(np.float64)
    made.learn(means, covariance, _prior(counts, class_weights), objects)
    made.blank.copy_(blank(reading, made.bands))
    made.shares.copy_(torch.tensor([[float(trained)], [1.0]]))
    kinds = ("own",) if cameras is None else KINDS
    shares, weighed = dict.fromkeys(kinds, (float(trained), 1.0)), 0
    known = [i for i in split.val if counts[config.classes.index(str(samples.labels[i]))]]
    if len(known) >= ENOUGH:
        each = np.ones(len(config.classes)) if class_weights is None else np.array(class_weights)
        for kind, sensor in zip(kinds, cameras or (WHOLE,), strict=True):
            told, truth = _both(model, samples, known, sensor)
            shares[kind] = _weights(told, truth, each[truth], trained)
        weighed = len(known)
        made.shares.copy_(torch.tensor(list(shares.values()), dtype=torch.float64).T)
    made.turn_back()
    model.train(was)
    return Beside(shrinkage, shares, weighed)


def _prior(counts: Floats, class_weights: Sequence[float] | None) -> list[float]:
    likely = counts if class_weights is None else counts * np.asarray(class_weights)
    logs = np.log(np.where(likely > 0, likely, 1) / likely.sum())
    least = logs[likely > 0].min()
    return [float(x) for x in np.where(likely > 0, logs, least - UNSEEN)]


def _both(
    model: SeedClassifier, samples: SeedDataset, indices: Sequence[int], sensor: Sensor
) -> tuple[Floats, Numbers]:
    """Logits [2, N, K] of network and discriminant through a camera, and class numbers [N]."""
    reading = Reading.of(model.config)
    turn_discriminant(model, _through(reading, sensor), None)
    told, truth = [], []
    for batch in seed_loader(samples, indices, reading, batch_size=64):
        assert batch.label is not None, "labels are read"
        with torch.inference_mode():
            hs, rgb = batch.images(sensor, cut=False)
            network = model.head(model.features(hs, rgb, sensor.bands))
            beside = model.beside(hs, rgb, sensor.bands)
        assert beside is not None, "it was just added"
        told.append(torch.stack([network, beside[0]]).double().numpy())
        truth.append(batch.label.numpy())
    return np.concatenate(told, axis=1), np.concatenate(truth)


def _weights(told: Floats, truth: Numbers, counts: Floats, trained: bool) -> tuple[float, float]:
    """What two sets of logits [2, N, K] count: how much beside each other, then how much in all.

    Beside each other by the probability of wrong classes, which is bounded: a discriminant may be
    sure of itself and wrong about a few samples of a kind that it never saw, and by likelihood
    these would decide. Neither counts more than as it is. In all by likelihood.
    """
    rows = np.arange(len(truth))
    one_hot = np.eye(told.shape[2])[truth]
    share = counts / counts.sum()

    def wrong(scales: Floats) -> tuple[float, Floats]:
        odds = np.exp(log_softmax(np.tensordot(scales, told, axes=1), axis=1))
        right = odds[rows, truth]
        slope = (odds - one_hot) * (share * right)[:, None]
        return float((share * (1 - right)).sum()), np.asarray((told * slope).sum((1, 2)))

    least, chosen = np.inf, np.array([float(trained), 1.0])
    for start in STARTS if trained else ():  # it has more than one hollow
        found = minimize(
            wrong, np.array(start), jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0), (0.0, 1.0)]
        )
        if found.fun < least - 1e-6:
            least, chosen = found.fun, found.x

    def unlikely(log_scale: float) -> float:
        logs = log_softmax(np.exp(log_scale) * np.tensordot(chosen, told, axes=1), axis=1)
        return float(-(share * logs[rows, truth]).sum())

    scale = np.exp(minimize_scalar(unlikely, bounds=np.log((0.01, 10)), method="bounded").x)
    return float(scale * chosen[0]), float(scale * chosen[1])


def _through(reading: Reading, sensor: Sensor) -> Reading:
    """What is read by a sensor that may lack some of the channels."""
    if sensor.bands is None or not sensor.hs:
        return reading
    return of_channels(reading, sensor.bands.tolist())
