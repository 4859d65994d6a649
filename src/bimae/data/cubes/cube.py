"""One hyperspectral image of any size, read a block of lines at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bimae.errors import DataError

Values = NDArray[np.uint8] | NDArray[np.float32]

BLOCK_BYTES = 32 << 20  # of float32: what a pass over a scan holds at a time


@dataclass(frozen=True)
class Bands:
    """What the bands of a cube are, in the order in which `Cube.read` gives them.

    Attributes:
        count: How many there are.
        wavelengths_nm: Their centres in nm, ascending, or None where unknown.
        fwhm_nm: Their widths in nm, or None where unknown.
    """

    count: int
    wavelengths_nm: tuple[float, ...] | None = None
    fwhm_nm: tuple[float, ...] | None = None


@dataclass
class Blanked:
    """What a file holds that is no number, counted as it is read: it becomes 0.

    Attributes:
        found: Values that were NaN or infinite.
        values: All values that were read, those of a part that is read twice twice.
        expected: Whether the file itself calls NaN or infinity its data ignore value.
    """

    found: int = 0
    values: int = 0
    expected: bool = False

    @property
    def unexpected(self) -> int:
        """Values that a person should know about."""
        return 0 if self.expected else self.found

    def check(self, path: Path) -> None:
        """Holds an image that has been read against what was counted.

        Raises:
            DataError: Nothing in it is a number.
        """
        if 0 < self.values == self.found:
            raise DataError(
                f"{path}: none of its {self.values} values is finite (all are NaN or infinite): "
                "export it again, or remove it"
            )


class Cube(ABC):
    """A hyperspectral image on disk; nothing but its description is held in memory.

    Attributes:
        path: The file, for messages.
        lines: Rows of pixels.
        samples: Pixels in a row.
        bands: What its bands are.
        sensor: The camera as the file calls it; empty where it does not.
        simulated: Whether the file says that no camera was involved.
        unit: `reflectance`, `counts`, `radiance`, or empty where unknown.
        notes: What was assumed or mended on opening, a line each, without the path.
        default_bands: Bands that the file wants shown (red, green, blue, or one), as indices
            into `bands`; None where it does not say.
        facts: Integration time and the like as the file writes it, by the file's own names.
        file_bands: For each band its number in the file, from 0; None where the cube has the
            bands of its file in the order of its file.
        blanked: What was read so far and is no number.
    """

    path: Path
    lines: int
    samples: int
    bands: Bands
    sensor: str
    unit: str
    notes: tuple[str, ...]
    simulated: bool = False
    default_bands: tuple[int, ...] | None = None
    facts: Mapping[str, str] = MappingProxyType({})
    file_bands: tuple[int, ...] | None = None
    blanked: Blanked

    @abstractmethod
    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> Values:
        """A part of the image.

        Args:
            rows: Lines, without a step.
            columns: Samples, without a step.

        Returns:
            [n, m, bands] of its own memory: uint8 where bytes are stored unscaled, else float32
            (scaled, where the file names a factor); ascending in wavelength, without the bands
            that the file calls bad.

        Raises:
            DataError: The file cannot be read.
        """

    def blocks(self) -> Iterator[slice]:
        """Slices of rows that cover the image from top to bottom, each of moderate size."""
        per_line = max(1, self.samples * self.bands.count * 4)
        step = max(1, BLOCK_BYTES // per_line)
        for top in range(0, self.lines, step):
            yield slice(top, min(top + step, self.lines))
