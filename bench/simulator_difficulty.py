"""How hard the simulated seeds are: the table of docs/simulator.md. Simulated, not seeds.

    python bench/simulator_difficulty.py [SIMULATOR_SEED]

Logistic regression on standardised features, 24 seeds per class, four folds with whole trays kept
together. About a minute on one core.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bimae.data import Sample
from bimae.data.simulate import simulate_samples

Floats = NDArray[np.float64]


def main(seed: int) -> None:
    samples = list(simulate_samples(per_class=24, seed=seed))
    labels = np.array([s.label for s in samples])
    trays = np.array([s.group for s in samples])
    scaled = np.array([mean_spectrum(s, scaled=True) for s in samples])
    statistics = np.array([picture_statistics(s) for s in samples])
    features = {
        "mean spectrum of the seed's pixels": np.array([mean_spectrum(s) for s in samples]),
        "the same, each pixel scaled over its bands": scaled,
        "mean spectrum of the whole image": np.array([s.hs.mean((0, 1)) for s in samples]),
        "RGB pixels at 12x12": np.array([small_picture(s) for s in samples]),
        "RGB picture statistics": statistics,
        "scaled mean spectrum and picture statistics": np.hstack([scaled, statistics]),
    }
    for name, values in features.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
        said = cross_val_predict(model, values, labels, groups=trays, cv=GroupKFold(4))
        print(f"{name:<46}{100 * (said == labels).mean():5.1f} %", flush=True)


def mean_spectrum(sample: Sample, *, scaled: bool = False) -> Floats:
    """Mean over the pixels that are darker than half of the tray."""
    cube = sample.hs / 255.0
    visible = cube[..., :150].mean(-1)
    seed = visible < 0.5 * np.percentile(visible, 95)
    if seed.sum() < 3:
        seed[10:14, 10:14] = True
    pixels = cube[seed]
    if scaled:
        low, span = pixels.min(1, keepdims=True), np.ptp(pixels, axis=1)[:, None]
        pixels = (pixels - low) / span
    return pixels.mean(0)


def small_picture(sample: Sample) -> Floats:
    return np.asarray(ndimage.zoom(sample.rgb, (1 / 16, 1 / 16, 1), order=1)).ravel()


def picture_statistics(sample: Sample) -> Floats:
    """Colour, size, elongation, and strength and direction of texture at three scales."""
    mask = segment(sample)
    pixels = sample.rgb[mask]
    values = [*pixels.mean(0), *pixels.std(0), *np.percentile(pixels, [10, 90], axis=0).ravel()]
    rows, columns = np.nonzero(mask)
    sizes, axes = np.linalg.eigh(np.cov(np.stack([columns, rows])))
    ellipse = 4 * np.pi * np.sqrt(sizes[0] * sizes[1])
    values += [mask.mean(), np.sqrt(sizes[1] / sizes[0]), np.sqrt(sizes[1]), mask.sum() / ellipse]
    grey, inner, axis = sample.rgb.mean(-1), ndimage.binary_erosion(mask, iterations=6), axes[:, 1]
    for scale in (1, 2, 4):
        across = ndimage.gaussian_filter(grey, scale, order=(0, 1))
        down = ndimage.gaussian_filter(grey, scale, order=(1, 0))
        along = (across * axis[0] + down * axis[1])[inner]
        aside = (-across * axis[1] + down * axis[0])[inner]
        spots = ndimage.gaussian_laplace(grey, scale)[inner]
        values += [np.log(part.std() + 1e-5) for part in (along, aside, spots)]
        values.append(((spots - spots.mean()) ** 3).mean() / spots.std() ** 3)
    return np.array(values)


def segment(sample: Sample) -> NDArray[np.bool_]:
    """The seed: the largest connected part that differs from the tray."""
    tray = np.median(sample.rgb.reshape(-1, 3)[np.r_[0:2000, -2000:0]], 0)
    differs = np.linalg.norm(sample.rgb - tray, axis=-1) > 0.30
    parts, count = ndimage.label(ndimage.binary_opening(differs))
    if count == 0:
        return differs
    largest = 1 + int(np.argmax(ndimage.sum(differs, parts, range(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(parts == largest))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
