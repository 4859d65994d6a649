"""How far each pixel is from the background, in units of the background's own spread.

The background is what the border shows, under light that may change smoothly over the picture. So
the measure is the same for bright and dark backgrounds, and for any gain or offset of a channel.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLUR = 0.8  # pixels: single hot pixels and sensor noise
LEAST_SPREAD = 0.002  # of a channel's range: quantised backgrounds have no spread of their own
MISFIT = 0.01  # of the change of the light over the background: no surface follows it better
SAMPLED = 12_000  # pixels that a surface is fitted to
_SCALE = 1.4826  # of the median absolute deviation to a standard deviation
_STRIPE_ROWS = 96


def mended(picture: Picture) -> Picture:
    """A copy without blanks (NaN, infinite) and without dead columns or lost lines."""
    image = np.array(picture, dtype=np.float32)
    for channel in range(image.shape[2]):
        plane = image[..., channel]
        bad = ~np.isfinite(plane)
        if bad.any():
            plane[bad] = np.median(plane[~bad]) if not bad.all() else 0.0
        _mend_columns(plane)
        _mend_columns(plane.T)
    return image


def smoothed(picture: Picture) -> Picture:
    """Every channel blurred a little, [H, W, k]."""
    planes = [ndimage.gaussian_filter(picture[..., c], BLUR) for c in range(picture.shape[2])]
    return np.stack(planes, axis=2)


def distance(departure: Picture) -> NDArray[np.float32]:
    """[H, W] root mean square of a departure over the channels: about 1 on the background."""
    return np.asarray(np.sqrt(np.mean(departure**2, axis=2)), dtype=np.float32)


def departure(picture: Picture, region: Mask, start: Mask) -> Picture:
    """How far each pixel departs from the background, [H, W, k].

    Args:
        picture: [H, W, k] smoothed.
        region: What is looked at.
        start: Where mostly background is; it need not be pure.

    Returns:
        (value - background there) / spread of the background, by channel: negative where it is
        darker; 0 outside of the region.
    """
    height, width = region.shape
    rows, columns = _sample(region)
    values = picture[rows, columns].astype(np.float64)
    x, y = 2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1
    least = LEAST_SPREAD * np.ptp(values, axis=0)
    ground = start[rows, columns]
    coefficients, spread = np.zeros((1, values.shape[1])), np.ones(values.shape[1])
    for wanted in (1, 2, 2, 2, 4, 4):
        degree = wanted if wanted < 3 or ground.mean() > 0.5 else 2
        terms = _terms(x, y, degree)
        if ground.sum() < 3 * terms.shape[1]:
            break
        coefficients = _fit(terms[ground], values[ground])
        surface = terms @ coefficients
        away = values - surface
        spread = np.maximum(_SCALE * np.median(np.abs(away[ground]), axis=0), least)
        spread = np.hypot(spread, MISFIT * np.ptp(surface[ground], axis=0))
        spread = np.where(spread > 0, spread, np.inf)  # a channel without any contrast says nothing
        far = np.sqrt(np.mean((away / spread) ** 2, axis=1))
        ground = far < np.clip(otsu_of_log(far), 3.0, 12.0)
    return _everywhere(picture, region, coefficients, spread)


def otsu_of_log(far: NDArray[np.floating]) -> float:
    """Otsu's threshold on the logarithm of distances, all below 1 taken as 1; 1 where all are."""
    logs = np.log(np.maximum(far, 1.0)).ravel()
    top = float(logs.max(initial=0.0))
    if top <= 0:
        return 1.0
    counts, edges = np.histogram(logs, bins=256, range=(0.0, top))
    middles = (edges[1:] + edges[:-1]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    sums = np.cumsum(counts * middles)
    low, high = sums / np.maximum(below, 1), (sums[-1] - sums) / np.maximum(above - counts, 1)
    between = below * (above - counts) * (low - high) ** 2
    return float(np.exp(edges[1 + int(np.argmax(between))]))


def _sample(region: Mask) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Rows and columns of a grid of pixels within a region."""
    step = max(1, int(np.sqrt(region.sum() / SAMPLED)))
    rows, columns = np.nonzero(region[::step, ::step])
    return rows * step, columns * step


def _terms(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """[n, terms] products of powers of x and y up to a degree."""
    return np.stack([x**i * y**j for i, j in _powers(degree)], axis=1)


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]


def _fit(terms: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[terms, k] least absolute deviations, by reweighting: half-covered borders do no harm."""
    fitted = []
    turned = np.ascontiguousarray(terms.T)  # [terms, n]: the long axis lies in one piece
    for value in np.ascontiguousarray(values.T):
        least = 1e-12 * float(np.abs(value).max(initial=1e-30))
        # Starting from the median and not from least squares, which outliers have pulled along.
        away = np.abs(value - _median(value))
        for _ in range(12):
            share = np.maximum(away / max(_median(away), least), 0.3)
            root = 1 / (np.sqrt(share) * np.sqrt(np.sqrt(share)))  # of the weight share^-1.5
            weighted = turned * root
            # A matrix with its own transpose: half of the products are known from the others.
            normal, right = weighted @ weighted.T, weighted @ (value * root)
            solved = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
            away = np.abs(value - solved @ turned)
        fitted.append(solved)
    return np.stack(fitted, axis=1)


def _median(values: NDArray[np.float64]) -> float:
    """As `np.median` of a row of finite numbers, which takes twice as long to look for NaN."""
    middle = [(len(values) - 1) // 2, len(values) // 2]
    return float(np.partition(values, middle)[middle].mean())


def _everywhere(
    picture: Picture,
    region: Mask,
    coefficients: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Picture:
    height, width, channels = picture.shape
    degree = next(d for d in range(8) if len(_powers(d)) == len(coefficients))
    x = np.linspace(-1, 1, width)[None, :] ** np.arange(degree + 1)[:, None]
    y = np.linspace(-1, 1, height)[None, :] ** np.arange(degree + 1)[:, None]
    away = np.empty_like(picture)
    for channel in range(channels):
        surface = np.zeros((degree + 1, degree + 1))
        for (i, j), value in zip(_powers(degree), coefficients[:, channel], strict=True):
            surface[j, i] = value
        ground = (y.T @ surface @ x).astype(np.float32)
        away[..., channel] = (picture[..., channel] - ground) / np.float32(spread[channel])
    away[~region] = 0
    return away


def _mend_columns(plane: NDArray[np.float32]) -> None:
    """Replaces columns that differ from their neighbours all the way down, in place."""
    height, width = plane.shape
    if width < 16 or height < 16:
        return
    some = plane[:: max(1, height // _STRIPE_ROWS)].astype(np.float64)
    off = some - ndimage.median_filter(some, size=(1, 7), mode="nearest")
    # A stripe runs all the way down: the rows agree that it is off, and in which direction.
    noise = 4 * _SCALE * np.median(np.abs(off)) + 0.01 * np.ptp(some)
    above, below = (off > noise).mean(axis=0), (off < -noise).mean(axis=0)
    dead = (np.maximum(above, below) > 0.6) & (np.minimum(above, below) < 0.05)
    if dead.any() and dead.mean() < 0.2:
        alive = np.flatnonzero(~dead)
        for column in np.flatnonzero(dead).tolist():
            after = int(np.searchsorted(alive, column))
            left, right = alive[max(after - 1, 0)], alive[min(after, len(alive) - 1)]
            share = 0.5 if left == right else (column - left) / (right - left)
            plane[:, column] = (1 - share) * plane[:, left] + share * plane[:, right]
