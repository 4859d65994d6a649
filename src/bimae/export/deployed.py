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
        self.views = Views(looks.reading, channels, model.config.model.patch_size)
        self.classifier = folded(model, looks)
        self.judge = None if calibrated is None else Judge(calibrated)
        # what it says of this camera is a few averages and one small linear layer
        beside, modality = model.discriminant, looks.reading.modality
        self.beside = None if beside is None else beside.layer(modality != "rgb", modality != "hs")
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
        features = self.classifier.pooled(self.tokens(*views))
        logits = self.classifier.head(features)
        if self.beside is not None:
            added, features = self.beside(*views)
            logits = self.beside.network * logits + added
        if self.judge is None:
            return (logits.softmax(dim=1),)
        judged: tuple[Tensor, ...] = self.judge(logits, features)
        return judged

    def tokens(self, bands: Tensor | None, tiles: Tensor | None) -> Tensor:
        """Patches of the views that there are to tokens before the encoder, spectral ones first."""
        trunk, parts = self.classifier.trunk, []
        if bands is not None:
            parts.append(trunk.hs(bands.clamp(0, 1), self.classifier.bands))
        if tiles is not None:
            parts.append(trunk.rgb(tiles, trunk.all_tiles))
        return torch.cat(parts, dim=1)
