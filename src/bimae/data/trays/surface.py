"""A smooth surface under most of some pixels: the light on a tray.

The pixels lie on a grid. So the sums of products that a fit of x^i y^j needs are those of powers of
x along the rows and of powers of y along the columns, two small products of matrices; a table of
all terms at all pixels, multiplied by itself, takes three times as long.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDS = 12  # of reweighting


@dataclass(frozen=True)
class Grid:
    """Pixels of a region, every so many in both directions.

    Attributes:
        rows: [n] row of each in the picture.
        columns: [n] column of each.
        x: [w] the grid's columns on a scale from -1 to 1 over the picture.
        y: [h] its rows, likewise.
        places: [n] where each is in the grid, counted row by row.
    """

    rows: NDArray[np.int_]
    columns: NDArray[np.int_]
    x: Floats
    y: Floats
    places: NDArray[np.int_]

    @classmethod
    def of(cls, region: Mask, pixels: int) -> "Grid":
        """About so many pixels of a region [H, W], where it has as many."""
        height, width = region.shape
        step = max(1, int(np.sqrt(region.sum() / pixels)))
        some = region[::step, ::step]
        rows, columns = np.nonzero(some)
        x = 2 * (np.arange(some.shape[1]) * step) / max(width - 1, 1) - 1
        y = 2 * (np.arange(some.shape[0]) * step) / max(height - 1, 1) - 1
        return cls(rows * step, columns * step, x, y, rows * some.shape[1] + columns)

    def fitted(self, values: Floats, ground: Mask, degree: int) -> Floats:
        """Least absolute deviations, by reweighting: half-covered borders do no harm.

        Args:
            values: [n, k] of the pixels.
            ground: [n] the pixels to fit; at least as many as there are terms.
            degree: Of the surface.

        Returns:
            [terms, k] coefficients, in the order of `powers`.
        """
        terms = np.array(powers(degree))
        across, down = terms[:, 0], terms[:, 1]
        sums = (down[:, None] + down, across[:, None] + across)  # powers in products of two terms
        x, y = (axis[:, None] ** np.arange(2 * degree + 1) for axis in (self.x, self.y))
        here = self.places[ground]
        weights, weighted = (np.zeros((len(self.y), len(self.x))) for _ in range(2))
        fitted = []
        for value in np.ascontiguousarray(values[ground].T):
            least = 1e-12 * float(np.abs(value).max(initial=1e-30))
            # Starting from the median and not from least squares, which outliers have pulled along.
            away = np.abs(value - _median(value))
            for _ in range(ROUNDS):
                share = np.maximum(away / max(_median(away), least), 0.3)
                weight = 1 / (share * np.sqrt(share))
                weights.put(here, weight)
                weighted.put(here, weight * value)
                normal = (y.T @ weights @ x)[sums]
                right = (y.T @ weighted @ x)[down, across]
                solved = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
                away = np.abs(value - self._surface(solved, x, y).take(here))
            fitted.append(solved)
        return np.stack(fitted, axis=1)

    def surface(self, coefficients: Floats) -> Floats:
        """[n, k] of surfaces [terms, k] at the pixels."""
        degree = degree_of(coefficients)
        x, y = (axis[:, None] ** np.arange(degree + 1) for axis in (self.x, self.y))
        planes = [self._surface(one, x, y).take(self.places) for one in coefficients.T]
        return np.stack(planes, axis=1)

    def _surface(self, coefficients: Floats, x: Floats, y: Floats) -> Floats:
        """[h, w] on the whole grid; of x and y the powers, as many or more than are needed."""
        table = by_powers(coefficients)
        return np.asarray(y[:, : len(table)] @ table @ x[:, : len(table)].T)


def powers(degree: int) -> list[tuple[int, int]]:
    """Powers of x and y in each term of a surface."""
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]


def degree_of(coefficients: Floats) -> int:
    """Degree of a surface with so many terms."""
    return next(d for d in range(8) if len(powers(d)) == len(coefficients))


def by_powers(coefficients: Floats) -> Floats:
    """[terms] -> [degree + 1, degree + 1]: that of x^i y^j in row j and column i, else 0."""
    degree = degree_of(coefficients)
    table = np.zeros((degree + 1, degree + 1))
    for (i, j), value in zip(powers(degree), coefficients, strict=True):
        table[j, i] = value
    return table


def _median(values: Floats) -> float:
    """As `np.median` of a row of finite numbers, which takes twice as long to look for NaN."""
    middle = [(len(values) - 1) // 2, len(values) // 2]
    return float(np.partition(values, middle)[middle].mean())
