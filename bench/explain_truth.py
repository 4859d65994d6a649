"""Do maps of bands name the bands that matter? On SIMULATED seeds it is known which do.

Some species of the simulator differ beyond 690 nm alone (docs/simulator.md). How much a band tells
of such a pair is measured on the training part: the distance of the two means in standard
deviations, d'. For each test seed of such a species that the model knows, the answer is explained
against the other one, and the map is held against the bands with d' above 1: the area under the
ROC curve, 1 where the map puts these before all others, 0.5 by chance.

    python bench/explain_truth.py runs/b data/simulated --seeds 40
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from bimae.cli.explain_job import places_of
from bimae.data import Split, open_dataset
from bimae.data.loading import seed_loader
from bimae.data.simulate import SPECTRUM_ONLY
from bimae.evaluate.looks import look
from bimae.explain.expected import Absent, Between, Expected, StandIn
from bimae.explain.explainer import Explainer
from bimae.explain.occlusion import Asked, occlusion
from bimae.explain.pieces import band_pieces, usual_width
from bimae.model import SeedClassifier, model_folder


class Mean:
    """The mean image of other samples in the place of bands."""

    words = "the mean image"

    def __init__(self, image: Tensor) -> None:
        self.image = image

    def without(self, image: Tensor, gone: Tensor) -> Tensor:
        return torch.where(gone[:, None, None], self.image, image)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="fine-tuning run of simulated seeds")
    parser.add_argument("data", type=Path, help="these seeds")
    parser.add_argument("--seeds", type=int, default=40)
    given = parser.parse_args()
    model = SeedClassifier.from_pretrained(model_folder(given.run)).eval()
    sizes = model.config.model
    samples = open_dataset(given.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    looks = look(model, samples, labels=False)
    split = Split.load(given.run / "split.json", samples)

    def images(numbers: list[int]) -> tuple[Tensor, Tensor | None]:
        (batch,) = seed_loader(samples, numbers, looks.reading, batch_size=len(numbers))
        hs, rgb = batch.images()
        assert hs is not None, "of spectra"
        return hs, rgb

    pair = {a: b for one, other in SPECTRUM_ONLY for a, b in ((one, other), (other, one))}
    of = {name: [i for i in split.train if samples.labels[i] == name] for name in pair}
    known = {name: images(numbers)[0] for name, numbers in of.items()}
    truth = {name: distance(known[name], known[other]) > 1 for name, other in pair.items()}
    places, _ = places_of(looks.reading, samples)
    assert places is not None, "of spectra"
    cubes = [images(list(split.train)[i : i + 50])[0] for i in range(0, 400, 50)]
    width = usual_width(places)
    ways = explainers(model, looks.rows, places, width, cubes)
    found: dict[str, list[float]] = defaultdict(list)
    seeds = 0
    for number in split.test:
        label = samples.labels[number]
        if label not in pair or seeds == given.seeds:
            continue
        hs, rgb = images([number])
        classes = model.config.classes
        with torch.inference_mode():
            if classes[int(model(hs, rgb, looks.rows)[0].argmax())] != label:
                continue
        seeds += 1
        target, other = classes.index(label), classes.index(pair[label])
        means = {"occlusion, mean of the other species": Mean(known[pair[label]].mean(dim=0))}
        for name, one in (ways | means).items():
            asked = Asked(
                model, hs[0], None if rgb is None else rgb[0], looks.rows, target, other, one
            )
            pieces = band_pieces(places, width)
            cells = pieces.cells.flatten(1).float()
            found[name].append(auc(truth[label], occlusion(asked, pieces) @ cells))
        alone = Explainer(model, looks.rows, (band_pieces(places, 1e-6),), ways[PLAIN])
        maps = alone.maps(alone.asked(hs[0], asked.rgb, target, other))
        for (_, method), cells in maps.items():
            name = f"{method}, band by band" if method == "occlusion" else method
            found[name].append(auc(truth[label], torch.from_numpy(cells)))
    tell(f"{given.run.name}, SIMULATED: {seeds} seeds, windows of {width:.0f} nm", found)


def tell(title: str, found: dict[str, list[float]]) -> None:
    print(title)
    for name, values in sorted(found.items(), key=lambda item: -np.mean(item[1])):
        error = np.std(values, ddof=1) / len(values) ** 0.5
        print(f"{name:50s} {np.mean(values):.2f} ± {error:.2f}")


PLAIN = "occlusion, mean image"


def explainers(
    model: SeedClassifier, rows: Tensor | None, places: tuple[float, ...], width: float,
    cubes: list[Tensor],
) -> dict[str, StandIn]:  # fmt: skip
    mean = sum(cube.sum(dim=0) for cube in cubes) / sum(map(len, cubes))
    expected = Expected.of(cubes, "400 samples")
    found: dict[str, StandIn] = {
        PLAIN: Mean(torch.as_tensor(mean)),
        "occlusion, line between neighbours": Between(places),
        "occlusion, what the rest foretells": expected,
    }
    if model.config.any_sensor and model.config.among is None:
        found["occlusion, not shown"] = Absent(expected)
    return found


def distance(one: Tensor, other: Tensor) -> np.ndarray:
    """d' of each channel, of means over the middle of the images."""
    side = one.shape[-1]
    middle = slice(side // 3, side - side // 3)
    a, b = (x[:, :, middle, middle].mean((2, 3)).numpy() for x in (one, other))
    return np.asarray(np.abs(a.mean(0) - b.mean(0)) / np.sqrt((a.var(0) + b.var(0)) / 2))


def auc(truth: np.ndarray, worth: Tensor) -> float:
    return float(roc_auc_score(truth, worth.numpy(force=True)))


if __name__ == "__main__":
    main()
