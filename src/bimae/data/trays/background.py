"""How far each pixel is from the background, in units of the background's own spread.

The background is what the border shows, under light that may change smoothly over the picture. So
the measure is the same for bright and dark backgrounds, and for any gain or offset of a channel.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.trays.surface import Grid, by_powers, degree_of, powers

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLUR = 0.8  # pixels: single hot pixels and sensor noise
LEAST_SPREAD = 0.002  # of a channel's range: quantised backgrounds have no spread of their own
MISFIT = 0.01  # of the change of the light over the background: no surface follows it better
SAMPLED = 12_000  # pixels that a surface is fitted to
_SCALE = 1.4826  # of the median absolute deviation to a standard deviation
_STRIPE_ROWS = 96
# Exchanges after which the fourth of seven numbers is their median (Devillard 1998, opt_med7).
_SORTING = ((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4),
            (1, 3), (3, 4))  # fmt: skip


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
    total = np.zeros(departure.shape[:2], np.float32)
    for channel in range(departure.shape[2]):  # a mean over a short last axis takes far longer
        plane = departure[..., channel]
        total += plane * plane
    total /= np.float32(departure.shape[2])
    return np.sqrt(total, out=total)


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
    sample = Grid.of(region, SAMPLED)
    values = picture[sample.rows, sample.columns].astype(np.float64)
    least = LEAST_SPREAD * np.ptp(values, axis=0)
    ground = start[sample.rows, sample.columns]
    coefficients, spread = np.zeros((1, values.shape[1])), np.ones(values.shape[1])
    fitted: tuple[int, bytes] | None = None
    for wanted in (1, 2, 2, 2, 4, 4):
        degree = wanted if wanted < 3 or ground.mean() > 0.5 else 2
        if ground.sum() < 3 * len(powers(degree)):
            break
        if fitted == (fitted := (degree, ground.tobytes())):
            continue  # to the same pixels: it would be the same surface
        coefficients = sample.fitted(values, ground, degree)
        surface = sample.surface(coefficients)
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


def _everywhere(
    picture: Picture,
    region: Mask,
    coefficients: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Picture:
    height, width, channels = picture.shape
    degree = degree_of(coefficients)
    x = np.linspace(-1, 1, width)[None, :] ** np.arange(degree + 1)[:, None]
    y = np.linspace(-1, 1, height)[None, :] ** np.arange(degree + 1)[:, None]
    away = np.empty_like(picture)
    for channel in range(channels):
        ground = (y.T @ by_powers(coefficients[:, channel]) @ x).astype(np.float32)
        away[..., channel] = (picture[..., channel] - ground) / np.float32(spread[channel])
    away[~region] = 0
    return away


def _mend_columns(plane: NDArray[np.float32]) -> None:
    """Replaces columns that differ from their neighbours all the way down, in place."""
    height, width = plane.shape
    if width < 16 or height < 16:
        return
    some = plane[:: max(1, height // _STRIPE_ROWS)]
    off = some.astype(np.float64) - _median_of_seven(some)
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


def _median_of_seven(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """[h, w] median of each number and its three neighbours on either side; none is NaN.

    As `ndimage.median_filter(rows, (1, 7), mode="nearest")`, which sorts the seven of each place
    by themselves; here all places are compared at once.
    """
    width = rows.shape[1]
    wide = np.pad(rows, ((0, 0), (3, 3)), mode="edge")
    seven = [wide[:, i : i + width].copy() for i in range(7)]
    for low, high in _SORTING:
        seven[low], seven[high] = (
            np.minimum(seven[low], seven[high]),
            np.maximum(seven[low], seven[high]),
        )
    return seven[3]
