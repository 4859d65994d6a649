"""Simulated seeds as a laboratory's files: one folder for each layout that can be imported.

They show how files have to lie, and let every layout be tried without a camera. Each folder holds
SIMULATED.txt, by which an import knows them.
"""

import csv
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat
from spectral.io import envi

from bimae.data.marks import FILE
from bimae.data.sample import Sample
from bimae.data.simulate.marked import save_marked
from bimae.data.simulate.samples import simulate_samples, wavelengths
from bimae.data.simulate.tray_plan import TrayPlan
from bimae.data.simulate.trays import write_simulated_tray
from bimae.errors import DataError
from bimae.storage import atomic_folder, write_text

LAYOUTS = (
    *("folders", "bisid-raw", "cubes", "views", "table", "tray", "lot", "scene", "boxes"),
    "photos",
)
SCALE = 10000  # reflectance 1 in the 16-bit files, as most software writes it
TRAYS_PER_CLASS = 3
LOT_CROP = "b. napus"
LOT_OTHERS = ("g. tetrahit", "t. pratense", "g. aparine")  # the last is on none of the trays
_LOT_STREAM = 900_000  # added to the seed: no seed of a lot is one of the trays
_ACROSS = 12  # seeds in a row of a scene


def simulate_raw(
    out: Path,
    layout: str,
    *,
    per_class: int = 3,
    bands: int = 30,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[Iterable[Sample]], Iterable[Sample]] | None = None,
) -> None:
    """Writes simulated seeds as raw files; the folder appears when it is complete.

    Args:
        out: The folder to write.
        layout: One of `LAYOUTS`.
        per_class: Seeds of each of the 19 species; on trays at least 12, of four species; of a lot
            all of its seeds, at least 20.
        bands: Spectral bands, evenly spaced from 400 to 1000 nm.
        seed: Seed of all randomness.
        overwrite: Replace a folder that is there already.
        progress: Wraps the samples while they are drawn, for a progress bar.

    Raises:
        DataError: `out` is there already.
        ConfigError: A number is too small.
    """
    if out.exists() and not overwrite:
        raise DataError(f"{out}: is there already; choose another folder, or --overwrite it")
    nm = wavelengths(bands)
    samples: Iterable[Sample] = simulate_samples(per_class=per_class, bands=bands, seed=seed)
    with atomic_folder(out) as folder:
        write_text(
            folder / FILE,
            f"SIMULATED seeds in the layout {layout}: no camera was involved (bimae data "
            f"simulate --layout {layout}).\n",
        )
        if layout == "tray":
            _trays(folder, per_class, bands, seed)
            return
        if layout == "lot":
            _lot(folder, per_class, bands, seed)
            return
        _WRITERS[layout](folder, samples if progress is None else progress(samples), nm)


def _trays(folder: Path, per_class: int, bands: int, seed: int) -> None:
    """Three trays for each of four species, so that a whole tray can be kept for testing."""
    per_tray = max(4, -(-per_class // TRAYS_PER_CLASS))
    for kind, species in enumerate(TrayPlan().species):
        for number in range(TRAYS_PER_CLASS):
            write_simulated_tray(
                folder / species,
                f"tray-{TRAYS_PER_CLASS * kind + number + 1:02d}",
                species=(species,),
                seeds=per_tray,
                bands=bands,
                seed=seed + 1000 * kind + number,
                **_sides(per_tray),
            )


def _lot(folder: Path, seeds: int, bands: int, seed: int) -> None:
    """One tray of a lot whose seeds nobody has named: a tenth is not the crop, two touch."""
    seeds = max(20, seeds)
    others = tuple(LOT_OTHERS[number % len(LOT_OTHERS)] for number in range(seeds // 10))
    write_simulated_tray(
        folder,
        "lot",
        species=others + (LOT_CROP,) * (seeds - len(others)),
        seeds=seeds,
        touching=1,
        bands=bands,
        seed=seed + _LOT_STREAM,
        **_sides(seeds),
    )


def _sides(seeds: int) -> dict[str, Any]:
    """Lines and samples of a scan with room for so many seeds."""
    rows = math.isqrt(seeds)
    return {"lines": 60 * rows, "samples": 60 * -(-seeds // rows)}


def _folders(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    for sample in samples:
        place = folder / str(sample.label) / sample.id
        place.mkdir(parents=True)
        _png(place / "RGBSeed.png", sample.rgb)
        _envi(place / "HsSeed.hdr", sample.hs, nm)
        meta = {"species": sample.label, "tray": sample.group}
        write_text(place / "Meta.JSON", json.dumps(meta) + "\n")


def _bisid_raw(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    numbers: dict[str, int] = {}
    for sample in samples:
        label = str(sample.label)
        numbers[label] = numbers.get(label, 0) + 1
        place = folder / "images" / label / str(numbers[label])
        place.mkdir(parents=True)
        # The photo and the scan show more than the seed: the place it lies on.
        save_marked(_picture(_widened(sample.rgb, 0.5)), place / "RGB_Raw.jpg", quality=95)
        _envi(place / "HsScan.bil.hdr", _widened(sample.hs, 0.5), nm)
        with zipfile.ZipFile(place / "HS_Raw.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("HsScan.bil", "HsScan.bil.hdr"):
                archive.write(place / name, name)
                (place / name).unlink()


def _cubes(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    write_text(folder / "wavelengths.txt", "".join(f"{x:g}\n" for x in nm))
    for sample in samples:
        place = folder / str(sample.label)
        place.mkdir(exist_ok=True)
        np.save(place / f"{sample.id}.npy", sample.hs)
        _png(place / f"{sample.id}.png", sample.rgb)


def _views(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    write_text(folder / "wavelengths.txt", "".join(f"{x:g}\n" for x in nm))
    for view in ("HS", "RGB"):
        (folder / view).mkdir()
    for sample in samples:
        np.save(folder / "HS" / f"{sample.id}.npy", sample.hs)
        _png(folder / "RGB" / f"{sample.id}.png", sample.rgb)


def _photos(folder: Path, samples: Iterable[Sample], _: Sequence[float]) -> None:
    for sample in samples:
        place = folder / str(sample.label)
        place.mkdir(exist_ok=True)
        save_marked(_picture(sample.rgb), place / f"{sample.id}.jpg", quality=95)


def _table(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    (folder / "files").mkdir()
    with (folder / "seeds.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["path_hs", "path_rgb", "label", "group"])
        for sample in samples:
            savemat(
                folder / "files" / f"{sample.id}.mat",
                {"cube": sample.hs, "wavelengths": np.asarray(nm)},
            )
            _png(folder / "files" / f"{sample.id}.png", sample.rgb)
            paths = [f"files/{sample.id}{suffix}" for suffix in (".mat", ".png")]
            table.writerow([*paths, sample.label, sample.group])


def _scene(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    drawn = _square(samples)
    names = sorted({str(sample.label) for sample in drawn})
    side = drawn[0].hs.shape[0]
    truth = np.zeros((side, side), np.uint8)
    middle = slice(side // 4, -(side // 4))  # where a seed surely is
    truths = []
    for sample in drawn:
        mine = truth.copy()
        mine[middle, middle] = names.index(str(sample.label)) + 1
        truths.append(mine[:, :, None])
    cube = _mosaic([sample.hs for sample in drawn])
    savemat(
        folder / "scene.mat", {"scene": cube, "wavelengths": np.asarray(nm)}, do_compression=True
    )
    savemat(folder / "scene_gt.mat", {"scene_gt": _mosaic(truths)[:, :, 0]}, do_compression=True)
    write_text(folder / "class_names.txt", "".join(f"{name}\n" for name in names))


def _boxes(folder: Path, samples: Iterable[Sample], nm: Sequence[float]) -> None:
    drawn = _square(samples)
    side = drawn[0].hs.shape[0]
    _envi(folder / "scene.hdr", _mosaic([sample.hs for sample in drawn]), nm)
    _png(folder / "scene.png", _mosaic([sample.rgb for sample in drawn]))
    with (folder / "boxes.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ["path_hs", "path_rgb", "id", "label", "group", "left", "top", "right", "bottom"]
        )
        for number, sample in enumerate(drawn):
            top, left = (side * n + 1 for n in divmod(number, _ACROSS))
            box = [left, top, left + side - 2, top + side - 2]
            row = ["scene.hdr", "scene.png", sample.id, sample.label, sample.group, *box]
            table.writerow(row)


_WRITERS: dict[str, Callable[[Path, Iterable[Sample], Sequence[float]], None]] = {
    "folders": _folders,
    "bisid-raw": _bisid_raw,
    "cubes": _cubes,
    "views": _views,
    "photos": _photos,
    "table": _table,
    "scene": _scene,
    "boxes": _boxes,
}


def _square(samples: Iterable[Sample]) -> list[Sample]:
    """Whole rows of a scene."""
    drawn = list(samples)
    return list(islice(drawn, max(_ACROSS, len(drawn) // _ACROSS * _ACROSS)))


def _mosaic(tiles: Sequence[NDArray[Any]]) -> NDArray[Any]:
    rows = [np.concatenate(tiles[i : i + _ACROSS], axis=1) for i in range(0, len(tiles), _ACROSS)]
    return np.concatenate([row for row in rows if row.shape[1] == rows[0].shape[1]])


def _widened(image: NDArray[Any], share: float) -> NDArray[Any]:
    """With a margin all around, of the colour of its border."""
    margin = round(image.shape[0] * share)
    border = np.median(
        np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]), axis=0
    ).astype(image.dtype)
    side = image.shape[0] + 2 * margin
    wide = np.empty((side, side, image.shape[2]), image.dtype)
    wide[:] = border
    wide[margin:-margin, margin:-margin] = image
    return wide


def _picture(rgb: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.rint(rgb * 255).astype(np.uint8))


def _png(path: Path, rgb: NDArray[np.float32]) -> None:
    save_marked(_picture(rgb), path)


def _envi(header: Path, hs: NDArray[Any], nm: Sequence[float]) -> None:
    """16-bit reflectance as ENVI BIL; `x.bil.hdr` goes with `x.bil`, `x.hdr` with `x.bil` too."""
    counts = np.rint(hs.astype(np.float64) / 255 * SCALE).astype(np.uint16)
    metadata = {
        "description": "SIMULATED seed",
        "wavelength": [f"{x:.3f}" for x in nm],
        "wavelength units": "nm",
        "reflectance scale factor": SCALE,
    }
    suffix = "" if header.name.endswith(".bil.hdr") else ".bil"
    envi.save_image(
        str(header), counts, interleave="bil", ext=suffix, metadata=metadata, dtype=np.uint16
    )
