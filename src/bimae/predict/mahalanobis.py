"""How far a sample lies from every class in feature space.

A Gaussian for each class with one covariance for all (Lee, Lee, Lee & Shin 2018), and beside it
one Gaussian for everything (Ren et al. 2021).

Shapes: N samples, K classes that occurred, D features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.errors import DataError, ModelError
from bimae.predict.tables import check_labelled, check_table

# Two samples deviate alike, and Ledoit and Wolf then find nothing to shrink: a share of equal
# variances keeps every direction from being infinitely strange.
LEAST_SHRINKAGE = 1e-3
STILL = 1e-6  # a feature that varies by less, beside its size, is one that float32 cannot tell


@dataclass(frozen=True)
class Mahalanobis:
    """What was learned of features; arrays only, as a file holds them.

    Distances are squared lengths of (x - mean) @ whitener.

    Attributes:
        classes: [K] numbers of the classes that occurred.
        means: [K, D] mean of each.
        whitener: [D, D] by the covariance within classes.
        center: [D] mean of all samples.
        whitener_of_all: [D, D] by the covariance of all samples.
    """

    classes: NDArray[np.int64]
    means: NDArray[np.float64]
    whitener: NDArray[np.float64]
    center: NDArray[np.float64]
    whitener_of_all: NDArray[np.float64]

    def distances(self, features: ArrayLike) -> NDArray[np.float64]:
        """Squared distances [N, K] of features [N, D] from the mean of each class.

        Raises:
            ModelError: A feature is not finite, or there are not D.
        """
        rows = self._checked(features)
        # One class at a time: (x - mean)^2 written out would lose what lies close.
        found = [_squared((rows - mean) @ self.whitener) for mean in self.means]
        return np.stack(found, axis=1)

    def score(self, features: ArrayLike) -> NDArray[np.float64]:
        """Squared distance [N] from the nearest class (Lee et al. 2018, eq. 2).

        Raises:
            ModelError: As `distances`.
        """
        nearest: NDArray[np.float64] = self.distances(features).min(axis=1)
        return nearest

    def relative(self, features: ArrayLike) -> NDArray[np.float64]:
        """The same less the squared distance [N] from all samples together; may be below 0.

        What is as strange to every class as it is to all of them, such as brightness, no longer
        counts; this tells near classes apart better (Ren et al. 2021, eq. 3).

        Raises:
            ModelError: As `distances`.
        """
        background = _squared((self._checked(features) - self.center) @ self.whitener_of_all)
        return self.score(features) - background

    def arrays(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """All that was learned, by name; `of` takes it back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike]) -> "Mahalanobis":
        """What `arrays` gave, after it was stored.

        Raises:
            ModelError: Arrays are missing, do not fit each other, or are not finite.
        """
        names = [field.name for field in fields(cls)]
        if lacking := [name for name in names if name not in arrays]:
            raise ModelError(f"distances in feature space: {', '.join(lacking)} missing; fit again")
        found = {name: np.asarray(arrays[name], np.float64) for name in names}
        shapes = {name: array.shape for name, array in found.items()}
        K, D = (shapes["classes"] + (0,))[0], (shapes["center"] + (0,))[0]
        wanted = dict(zip(names, [(K,), (K, D), (D, D), (D,), (D, D)], strict=True))
        if shapes != wanted or not K or not D:
            raise ModelError(f"distances in feature space: shapes {shapes} do not fit; fit again")
        if not all(np.isfinite(array).all() for array in found.values()):
            raise ModelError("distances in feature space: not all numbers are finite; fit again")
        classes = found.pop("classes").astype(np.int64)
        return cls(classes, **found)

    def _checked(self, features: ArrayLike) -> NDArray[np.float64]:
        rows = check_table(features, "features")
        if rows.shape[1] != len(self.center):
            raise ModelError(
                f"features have {rows.shape[1]} numbers, those learned from had "
                f"{len(self.center)}; they are of another sensor: calibrate the model again"
            )
        return rows


def fit_mahalanobis(features: ArrayLike, truth: ArrayLike) -> Mahalanobis:
    """Learns a mean of each class, what all classes share, and what all samples are like.

    Features are scaled by their deviation within classes before both covariances are shrunk, as
    Ledoit and Wolf (2004) reckon; without that the largest feature would set how much. Covariances
    are divided by N - K and by N - 1: of few samples of each class the means take a good part.

    Args:
        features: [N, D] pooled features.
        truth: [N] class numbers.

    Raises:
        DataError: There is no sample, or no class has two samples that differ.
        ModelError: A feature is not finite.
    """
    most = int(np.max(truth, initial=0)) + 1
    rows, numbers = check_labelled(features, truth, "features", classes=most)
    classes, which = np.unique(numbers, return_inverse=True)
    means = np.stack([rows[numbers == k].mean(axis=0) for k in classes])
    within = rows - means[which]
    deviation = within.std(axis=0)
    moves = deviation > STILL * np.abs(rows).max(axis=0)
    if not moves.any():
        raise DataError(
            f"{len(rows)} samples of {len(classes)} classes: no class has two samples that differ, "
            "so nothing is known of how samples of a class vary; label more of each class"
        )
    scale = np.where(moves, deviation, np.abs(rows).max(axis=0))
    scale[scale == 0] = 1  # nothing but zeros
    center = rows.mean(axis=0)
    return Mahalanobis(
        classes,
        means,
        _whitener(within, scale, len(rows) - len(classes)),
        center,
        _whitener(rows - center, scale, len(rows) - 1),
    )


def _whitener(
    deviations: NDArray[np.float64], scale: NDArray[np.float64], free: int
) -> NDArray[np.float64]:
    """W [D, D], so that d @ W of deviations d has a covariance of 1.

    Args:
        deviations: [N, D] from their means.
        scale: [D] what a feature is divided by before shrinking.
        free: Samples less the means that were taken from them, at least 1.
    """
    # an extra (`train`): who only answers has no need of it
    from sklearn.covariance import ledoit_wolf_shrinkage, shrunk_covariance  # noqa: PLC0415

    scaled = deviations / scale
    shrinkage = max(float(ledoit_wolf_shrinkage(scaled, assume_centered=True)), LEAST_SHRINKAGE)
    covariance = shrunk_covariance(scaled.T @ scaled / free, shrinkage)
    variances, axes = np.linalg.eigh(covariance)
    found: NDArray[np.float64] = axes / np.sqrt(variances) / scale[:, None]
    return found


def _squared(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (rows**2).sum(axis=1)
    return found
