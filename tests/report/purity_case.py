"""A made-up lot, for the tests of purity reports: no model is asked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.predict.calibrate import Parts, calibrate
from bimae.predict.calibrated import Calibrated, Judged
from bimae.predict.lot import Lot
from bimae.predict.lot_figures import lot_figures
from bimae.report.purity import Facts
from bimae.report.purity.reference import Reference, of_lot
from tests.data.small_samples import sample
from tests.predict.test_calibrated import SHOWN, said

CLASSES = ("oat", "rye", "wheat")
CROP = 2
WEIGHTS = {"oat": 30.0, "rye": 25.0, "wheat": 40.0}  # grams per thousand seeds
CONFUSION = [[90, 5, 5, 0], [4, 86, 6, 4], [1, 1, 190, 8]]
# called, probability, whether oat is possible too, rejected
SEEDS = (
    *[(2, 0.99, False, False)] * 30,
    *[(0, 0.97, False, False)] * 3,
    (1, 0.93, False, False),
    (2, 0.55, True, False),
    (2, 0.80, False, False),
    (1, 0.60, True, False),
    (2, 0.70, False, True),
    (0, 0.65, False, True),
)


def judged(seeds: Sequence[tuple[int, float, bool, bool]] = SEEDS) -> Judged:
    odds = np.full((len(seeds), 3), 0.0)
    sets = np.zeros((len(seeds), 3), bool)
    for row, (called, p, several, _) in enumerate(seeds):
        odds[row] = (1 - p) / 2
        odds[row, called] = p
        sets[row, called] = True
        sets[row, 0] |= several
    return Judged(odds, sets, np.arange(len(seeds)) / 7, np.array([s[3] for s in seeds]))


def calibration(classes: tuple[str, ...] = CLASSES) -> Calibrated:
    made = calibrate(Parts(said(1), said(2)), SHOWN, classes, alpha=0.05, share=0.05)
    made.facts["checked"]["confusion"] = CONFUSION
    made.facts["data"] = {"name": "old trays", "simulated": False, "fingerprint": "c0ffee",
                          "parts": "fitted on 300, checked on 400"}  # fmt: skip
    return made


def case(
    folder: Path,
    *,
    seeds: Sequence[tuple[int, float, bool, bool]] = SEEDS,
    classes: tuple[str, ...] = CLASSES,
    made: Calibrated | None = None,
    ids: Sequence[str | None] = (),
    group: str | None = "tray 1",
    info: DatasetInfo | None = None,
    weights: dict[str, float] | None = None,
    shape: dict[str, int] | None = None,
) -> tuple[Facts, Reference]:
    """Facts of a lot of seeds in `folder`, and mean spectra of it.

    Made-up images: seeds of a class resemble each other no more than others.
    """
    names = [*ids, *[None] * len(seeds)][: len(seeds)]
    sizes = {"rgb": 24, "hs": 6, "bands": 8} | (shape or {})
    images = (sample(i, label=None, group=group, id=name, **sizes) for i, name in enumerate(names))
    write_tfrecords(folder, images)
    (info or DatasetInfo("lot 7", simulated=True, wavelengths_nm=tuple(range(400, 800, 50)))).save(
        folder
    )
    samples = open_dataset(folder)
    lot = Lot(classes, CROP, judged(seeds), 0.9)
    facts = Facts(
        samples,
        lot,
        lot_figures(lot, made, weights=weights),
        made,
        "both views",
        "seeds-1",
        "0123456789ab",
        {"made": "2025-01-02", "data": {"name": "trays", "simulated": False, "fingerprint": "ab"}},
        "2025-06-07 08:09 UTC",
        0.95,
    )
    return facts, of_lot(samples, lot)
