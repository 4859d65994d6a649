"""Which samples a model has learned from or was calibrated with, wherever they lie now.

`seen.json` in the model folder holds their keys (`data.identity`): hashes, no names and no images.
A model without it (of an earlier version, or of arrays in memory) knows nothing again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bimae.data import SeedDataset
from bimae.data.identity import keys_of, known_again
from bimae.errors import ModelError
from bimae.storage import write_text

FILE = "seen.json"


@dataclass(frozen=True)
class Seen:
    """Keys of samples.

    Attributes:
        learned: Of those that the model learned from.
        calibrated: Of those that it was calibrated with, by what it was shown.
    """

    learned: frozenset[str] = frozenset()
    calibrated: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Seen":
        """Of a model folder; nothing where it does not say.

        Raises:
            ModelError: The file is not what `save` leaves.
        """
        file = folder / FILE
        if not file.is_file():
            return cls()
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            calibrated = {str(name): frozenset(keys) for name, keys in told["calibrated"].items()}
            return cls(frozenset(told["learned"]), calibrated)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{file}: is damaged ({error!r}); mend or remove it") from error

    def save(self, folder: Path) -> None:
        """Keeps it in a model folder."""
        plain = {
            "learned": sorted(self.learned),
            "calibrated": {name: sorted(keys) for name, keys in self.calibrated.items()},
        }
        write_text(folder / FILE, json.dumps(plain) + "\n")

    @classmethod
    def learning(cls, samples: SeedDataset, numbers: Iterable[int]) -> "Seen":
        """A model that learns from some samples."""
        return cls(_keys(samples, numbers))

    def calibrating(self, samples: SeedDataset, numbers: Iterable[int], shown: str) -> "Seen":
        """The same, calibrated with some samples for what the model is shown."""
        return replace(self, calibrated={**self.calibrated, shown: _keys(samples, numbers)})

    def among(self, samples: SeedDataset, shown: str = "") -> tuple[list[int], list[int]]:
        """Samples that are known again.

        Args:
            samples: Any data.
            shown: What the model is shown, as `calibrating` had it.

        Returns:
            Numbers of those that were learned from, and of others that served to calibrate.
        """
        fitted = self.calibrated.get(shown, frozenset())
        if not self.learned and not fitted:
            return [], []
        keys = keys_of(samples, range(len(samples)))
        learned = known_again(keys, self.learned)
        return learned, sorted(set(known_again(keys, fitted)).difference(learned))


def _keys(samples: SeedDataset, numbers: Iterable[int]) -> frozenset[str]:
    return frozenset().union(*keys_of(samples, numbers))
