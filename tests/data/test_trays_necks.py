"""A shortcut past the reconstruction of hills, against the reconstruction itself."""

import numpy as np
from scipy import ndimage

from bimae.data.trays import necks


def test_one_hill_is_what_the_reconstruction_finds_as_one(monkeypatch):
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(120):  # blobs, many of them with necks
        smooth = ndimage.gaussian_filter(rng.random((40, 50)), rng.uniform(1, 4))
        labels, _ = ndimage.label(smooth > np.quantile(smooth, 0.6))
        largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        masks.append(np.pad(labels == largest, rng.integers(0, 2)))
    inner = [necks.half_width(mask) for mask in masks]
    found = [necks._middles(*each)[1] for each in zip(masks, inner, strict=True)]
    monkeypatch.setattr(necks, "_is_one_hill", lambda _: False)
    assert found == [necks._middles(*each)[1] for each in zip(masks, inner, strict=True)]
    assert 10 < found.count(1) < 110
