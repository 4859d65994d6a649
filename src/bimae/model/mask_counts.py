"""How many tokens are hidden, in whole numbers. No torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskCounts:
    """How many tokens of one modality are kept, hidden and reconstructed.

    Derived once, as integers: `int(300 * (1 - 0.9))` is 29 in floating point, not 30.

    Attributes:
        total: All tokens of the modality.
        keep: Visible to the encoder.
        hidden: The rest.
        targets: Those of the hidden ones that are reconstructed in a step.
    """

    total: int
    keep: int
    hidden: int
    targets: int

    @classmethod
    def of(cls, total: int, mask_ratio: float, target_ratio: float) -> "MaskCounts":
        """Counts for `total` tokens; both ratios are shares in (0, 1], halves round to even."""
        hidden = round(total * mask_ratio)
        return cls(total, total - hidden, hidden, round(hidden * target_ratio))

    @classmethod
    def some(cls, total: int, mask_ratio: float, target_ratio: float, least: int) -> "MaskCounts":
        """The same, but at least `least` are kept and one is reconstructed, as far as they go."""
        hidden = min(round(total * mask_ratio), max(1, total - least))
        return cls(total, total - hidden, hidden, min(hidden, max(1, round(hidden * target_ratio))))

    def unseen(self) -> "MaskCounts":
        """Nothing kept, as many reconstructed: the other modality has to tell."""
        return MaskCounts(self.total, 0, self.total, self.targets)
