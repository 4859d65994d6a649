"""Samples of a data set as the inputs of an exported file. No torch.

Shapes: N samples, S side of a spectral image, C stored bands, n channels, H side of an RGB image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data import DatasetInfo, SeedDataset
from bimae.data.colours import colour_type, colours
from bimae.data.info import check_has_spectra
from bimae.data.transforms import Mix
from bimae.errors import BandError, DataError, ModelError
from bimae.evaluate.asked import VIEWS
from bimae.evaluate.sensor import Learned, Sensed, check_sensor, check_values
from bimae.export.nameplate import Nameplate, Pixels, Spectra
from bimae.spectra import BandSelection, BandWeights, band_reach


@dataclass(frozen=True)
class Feed:
    """How the samples of one data set become inputs.

    Attributes:
        plate: Of the file.
        picks: [n] what of the stored bands each channel is.
        note: What a person should know of it; empty where nothing.
    """

    plate: Nameplate
    picks: tuple[BandWeights, ...]
    note: str = ""

    @classmethod
    def of(cls, plate: Nameplate, samples: SeedDataset, name: str) -> "Feed":
        """Finds the file's channels in a data set.

        Args:
            plate: Of the file.
            samples: The data.
            name: What the file is called in messages.

        Raises:
            ModelError: The data are of another sensor, or in another unit.
            DataError: They hold no spectra, and some are needed.
        """
        picks: tuple[BandWeights, ...] = ()
        notes = []
        check_views(plate, str(samples.root), samples.info, name)
        if plate.hs is not None:
            picks, note = _picks(plate.hs, plate.bands, samples, name)
            notes.append(note)
        unit = "" if plate.hs is None else plate.hs.unit
        learned = Learned(unit, plate.rgb, plate.seed_side, plate.photo_side, plate.seed_areas)
        notes += check_values(
            samples, learned, modality=plate.modality, scale=plate.scale, name=name
        )
        if plate.rgb_pixels == "uint8" and colour_type(samples) != "uint8":
            notes.append(
                f"RGB images are no bytes here, and rounded to those that {name} takes; its "
                "answers may be some percent off the model's (bimae export --rgb-pixels float32)"
            )
        return cls(plate, picks, "; ".join(filter(None, notes)))

    def inputs(self, samples: SeedDataset, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """The images of some samples.

        Returns:
            `hs` [N, S, S, n] and `rgb` [N, H, H, 3], whichever go in, in the file's types.

        Raises:
            DataError: An image cannot be read, or its numbers do not fit the file's type.
        """
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in self.plate.inputs}
        for i in indices:
            stored = samples.stored(i, self.plate.modality)
            if stored.hs is not None and self.plate.hs is not None:
                found["hs"].append(self._channels(stored.hs, samples.where(i), self.plate.hs))
            if stored.rgb is not None and self.plate.rgb_pixels is not None:
                found["rgb"].append(colours(stored.rgb, self.plate.rgb_pixels))
        return {name: np.stack(images) for name, images in found.items()}

    def _channels(self, cube: NDArray[Any], where: str, hs: Spectra) -> NDArray[Any]:
        if all(len(pairs) == 1 for pairs in self.picks):
            bands = [pairs[0][0] for pairs in self.picks]
            cube = cube if bands == list(range(cube.shape[2])) else cube[..., bands]
        else:
            cube = averages(cube, Mix.of(self.picks))
        return _typed(cube, hs.pixels, where)


def check_views(plate: Nameplate, name: str, info: DatasetInfo, file: str) -> None:
    """Refuses photos without spectra for a file that takes some.

    Args:
        plate: Of the file.
        name: What the data are called.
        info: What is known of them.
        file: What the file is called.

    Raises:
        DataError: There are no spectra, and some are needed.
    """
    if plate.hs is not None:
        but = (
            f"{file} takes {VIEWS[plate.modality]}; use one that was exported for RGB (bimae "
            "export MODEL --modality rgb)"
        )
        check_has_spectra(name, info, but)


def averages(cube: NDArray[Any], mix: Mix) -> NDArray[np.float32]:
    """Weighted averages [S, S, n] of bands of a cube [S, S, C].

    The least band of each pixel goes first and comes back last: weights sum to 1 to rounding only,
    and a pixel of one value in all bands has to stay even, or scaling would show the rounding.
    """
    needed = cube[..., mix.bands].astype(np.float32)
    low = needed.min(axis=2, keepdims=True)
    found: NDArray[np.float32] = (needed - low) @ mix.matrix.T + low
    return found


def _typed(cube: NDArray[Any], pixels: Pixels, where: str) -> NDArray[Any]:
    found = cube.astype(pixels, copy=False)
    if cube.dtype.kind == "f" and pixels != "float32" and not np.array_equal(found, cube):
        raise DataError(
            f"{where}: spectra are {cube.dtype} with numbers that are no {pixels}, which is what "
            "the exported model takes; export it with --hs-pixels float32"
        )
    return found


def _picks(
    hs: Spectra, bands: str, samples: Sensed, name: str
) -> tuple[tuple[BandWeights, ...], str]:
    """What of the stored bands each channel is, and what to know of it."""
    found = samples.wavelengths_nm
    if samples.bands == len(hs.picks) and samples.bands != hs.source_bands:
        # of the camera that the file is for, filters included
        if found is None or hs.nm is None:
            note = "wavelengths are not known on both sides; channels are taken by number"
            return _each(samples.bands), note
        if not _far(hs, found):
            return _each(samples.bands), ""
    if "nm" in bands and found is not None:
        try:
            channels = BandSelection(bands).channels(samples.bands, found)
        except BandError as error:
            raise ModelError(
                f"{samples.root}: has not the bands that {name} takes ({error}); use data of the "
                "same sensor"
            ) from error
        picks = channels.weights or tuple(((band, 1.0),) for band in channels.bands)
        centres = [sum(found[band] * weight for band, weight in pairs) for pairs in picks]
        if len(picks) != len(hs.picks) or (far := _far(hs, centres)):
            raise ModelError(
                f"{samples.root}: {bands} are other bands in these data "
                f"({', '.join(f'{nm:g}' for nm in far or centres)} nm) than in {name}; export the "
                "model for this sensor (--data), or use data of the same one"
            )
        return picks, ""
    return hs.picks, check_sensor(samples, hs.source_bands, hs.source_nm, name)


def _each(bands: int) -> tuple[BandWeights, ...]:
    return tuple(((band, 1.0),) for band in range(bands))


def _far(hs: Spectra, centres: Sequence[float]) -> list[float]:
    """Which of these centres lie where none of the file's channels is."""
    assert hs.nm is not None, "known where bands were asked for by wavelength"
    reach = band_reach(hs.source_nm) if hs.source_nm is not None else 5.0
    widths = hs.width_nm or (0.0,) * len(hs.nm)
    return [
        centre
        for centre, nm, width in zip(centres, hs.nm, widths, strict=True)
        if abs(centre - nm) > max(reach, width / 2)
    ]
