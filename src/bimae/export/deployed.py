"""All that an answer needs, from a camera's pixels to a judged answer, as one module.

Shapes: N samples, n channels, S side of a spectral image, H side of the RGB image, K classes.
"""

import torch
from torch import Tensor, nn

from bimae.evaluate.looks import Looks
from bimae.export.folded import folded
from bimae.export.judging import Judge
from bimae.export.views import Views
from bimae.model import SeedClassifier
from bimae.predict.calibrated import Calibrated


class Deployed(nn.Module):
    """A classifier of one sensor with its scaling before it and its calibration behind it."""

    def __init__(
        self,
        model: SeedClassifier,
        looks: Looks,
        channels: int,
        calibrated: Calibrated | None = None,
    ) -> None:
        """Puts it together.

        Args:
            model: The classifier, turned to the sensor (`look`).
            looks: What it is shown of that.
            channels: How many channels n go in.
            calibrated: For this sensor; None: probabilities are all that comes out.
        """
        super().__init__()
        self.views = Views(
            looks.reading, channels, model.config.model.patch_size,
            exact=model.discriminant is not None,
        )  # fmt: skip
        self.judge = None if calibrated is None else Judge(calibrated)
        # what it says of this camera is a few averages and one small linear layer
        beside, modality = model.discriminant, looks.reading.modality
        self.beside = None if beside is None else beside.layer(modality != "rgb", modality != "hs")
        # a network that does not count beside it stays at home
        alone = self.beside is not None and self.beside.network == 0
        self.classifier = None if alone else folded(model, looks)
        self.eval().requires_grad_(False)

    def forward(self, hs: Tensor | None = None, rgb: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers.

        Args:
            hs: [N, S, S, n] spectra, numbers of any type in the unit of the training data; of a
                classifier that sees spectra.
            rgb: [N, H, H, 3] bytes, or float32 in [0, 1]; of one that sees RGB.

        Returns:
            Probabilities [N, K] and, calibrated, sets [N, K], strangeness [N] and rejection [N].
        """
        views = self.views(hs, rgb)
        logits, features = self._answer(*views)
        if self.judge is None:
            return (logits.softmax(dim=1),)
        judged: tuple[Tensor, ...] = self.judge(logits, features)
        return judged

    def _answer(self, bands: Tensor | None, tiles: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits, and what tells strangers, as `SeedClassifier.answer`."""
        added: tuple[Tensor, Tensor] | None = None
        if self.beside is not None:
            added = self.beside(bands, tiles)
        if self.classifier is None:
            assert added is not None, "somebody answers"
            return added
        features = self.classifier.pooled(_tokens(self.classifier, bands, tiles))
        logits = self.classifier.head(features)
        if self.beside is None or added is None:
            return logits, features
        return self.beside.network * logits + added[0], added[1]


def _tokens(model: SeedClassifier, bands: Tensor | None, tiles: Tensor | None) -> Tensor:
    """Patches of the views that there are to tokens before the encoder, spectral ones first."""
    trunk, parts = model.trunk, []
    if bands is not None:
        parts.append(trunk.hs(bands.clamp(0, 1), model.bands))
    if tiles is not None:
        parts.append(trunk.rgb(tiles, trunk.all_tiles))
    return torch.cat(parts, dim=1)
