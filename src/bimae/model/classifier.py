"""The seed classifier: the pretrained trunk, a norm, a pool and one linear layer.

Shapes: B batch, n channels that it reads (bands, or averages of bands), S side of a spectral image,
H side of the RGB image, N tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bimae.errors import ModelError
from bimae.model.bimae import BiMAE
from bimae.model.blocks import LayerNorm
from bimae.model.classifier_config import ClassifierConfig
from bimae.model.initialise import initialise
from bimae.model.mean_discriminant import MeanDiscriminant
from bimae.model.patches import patchify_hs
from bimae.model.pretrained import Pretrained
from bimae.model.trunk import Bands, Trunk
from bimae.spectra import Channels


class SeedClassifier(Pretrained[ClassifierConfig], nn.Module):
    """Classifies from RGB, from spectra, from a few bands, or from both."""

    config_kind = ClassifierConfig

    def __init__(
        self, config: ClassifierConfig, *, generator: torch.Generator | None = None
    ) -> None:
        """Makes a classifier with fresh weights.

        Args:
            config: Sizes, classes, and what it reads.
            generator: Source of the weights; default: one seeded with 0.
        """
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            self.trunk = Trunk(config.model, config.modality, global_token=config.pool == "token")
            self.norm = LayerNorm(config.model.width)
            self.head = nn.Linear(config.model.width, len(config.classes))
        self.register_buffer(
            "bands", torch.tensor(config.bands, dtype=torch.long), persistent=False
        )
        self.bands: Tensor
        self.discriminant = MeanDiscriminant(config) if config.discriminant else None
        initialise(self, config.model, generator or torch.Generator().manual_seed(0))

    def add_discriminant(self, objects: int = 0) -> MeanDiscriminant:
        """Puts a discriminant that has learned nothing beside the network, and hands it out.

        Args:
            objects: How many it is to know.
        """
        self.config = replace(self.config, discriminant=True, discriminant_objects=objects)
        self.discriminant = MeanDiscriminant(self.config)
        return self.discriminant

    def load_trunk(self, pretrained: BiMAE) -> None:
        """Takes over the tokenizers and the encoder of a pretrained model.

        Raises:
            ModelError: The sizes of the two differ; every difference is named.
        """
        theirs = pretrained.trunk.state_dict()
        ours = self.trunk.state_dict()
        differ = [
            f"{name} {list(theirs[name].shape)} against {list(ours[name].shape)}"
            if name in theirs
            else f"{name} is missing"
            for name in ours
            if name not in theirs or theirs[name].shape != ours[name].shape
        ]
        if differ:
            raise ModelError(
                "the pretrained weights do not fit this classifier: " + "; ".join(differ)
            )
        self.trunk.load_state_dict({name: theirs[name] for name in ours})

    def look_at(
        self,
        channels: Channels,
        wavelengths_nm: Sequence[float] | None,
        widths_nm: Sequence[float] | None = None,
    ) -> None:
        """Turns to another sensor, which band positions by wavelength allow.

        Args:
            channels: What it reads of that sensor; not used by a classifier of RGB only.
            wavelengths_nm: Band centres in nm.
            widths_nm: Widths of its bands in nm, or None where unknown.

        Raises:
            ConfigError: See `ModelConfig.on`.
        """
        reads = self.config.modality != "rgb"
        self.config = replace(
            self.config,
            model=self.config.model.on(wavelengths_nm, widths_nm),
            bands=channels.bands if reads else (),
            band_weights=channels.weights if reads else None,
            wavelengths_nm=None if wavelengths_nm is None else tuple(wavelengths_nm),
        )
        self.bands = torch.tensor(self.config.bands, dtype=torch.long, device=self.bands.device)
        self.trunk.look_at(self.config.model)

    def forward(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """Logits [B, classes]; arguments as in `features`."""
        return self.answer(hs, rgb, bands)[0]

    def answer(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> tuple[Tensor, Tensor]:
        """Logits [B, classes], and what tells how far a sample is from those learned from.

        That is what the head read [B, D]; with a discriminant its averages [B, F], which told
        strangers better where it was measured (docs/calibration.md). Arguments as in `features`.
        A network that does not count is not run.
        """
        self._check_views(hs, rgb)
        beside = self.beside(hs, rgb, bands)
        if beside is None:
            features = self.features(hs, rgb, bands)
            return self.head(features), features
        own, averages, counts = beside
        if counts == 0:
            return own, averages
        return counts * self.head(self.features(hs, rgb, bands)) + own, averages

    def beside(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> tuple[Tensor, Tensor, float] | None:
        """What the discriminant adds to the logits [B, classes], and its averages [B, F].

        The third is what the network's own logits count beside it. None where there is no
        discriminant.
        """
        if self.discriminant is None:
            return None
        shown = hs if self.config.modality != "rgb" else None
        tiles = rgb if self.config.modality != "hs" else None
        found: tuple[Tensor, Tensor, float] = self.discriminant(
            None if shown is None else patchify_hs(shown),
            None if tiles is None else tiles.permute(0, 2, 3, 1).flatten(1, 2),
            self.bands if bands is None and shown is not None else bands,
        )
        return found

    def network_counts(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> float:
        """What the network's own logits count in the answer; nothing is computed of the images.

        Arguments as in `features`; 1 without a discriminant.
        """
        if self.discriminant is None:
            return 1.0
        sees = hs is not None and self.config.modality != "rgb"
        places = None
        if hs is not None and sees:
            places = self.discriminant.places(hs, self.bands if bands is None else bands)
        shows = rgb is not None and self.config.modality != "hs"
        return self.discriminant.counts(sees, shows, places)[0]

    def features(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """What the head reads [B, D]: the tokens of a sample, pooled and normalised.

        Args:
            hs: [B, n, S, S] the bands of the configuration, or where it has `band_weights` the
                averages that these say, scaled to [0, 1] per pixel; ignored by a classifier of
                RGB only.
            rgb: [B, 3, H, H] in [0, 1]; ignored by a classifier of spectra only.
            bands: [n] rows of the spectral positions that `hs` shows, for a classifier of any
                sensor; default: those of the configuration.

        Raises:
            ModelError: A view that this classifier looks at is missing.
        """
        self._check_views(hs, rgb)
        modality = self.config.modality
        tokens = self.tokens(
            hs if modality != "rgb" else None, rgb if modality != "hs" else None, bands
        )
        return self.pooled(tokens)

    def _check_views(self, hs: Tensor | None, rgb: Tensor | None) -> None:
        modality = self.config.modality
        views = () if self.config.any_sensor else (("hs", hs, "rgb"), ("rgb", rgb, "hs"))
        for view, image, blind in views:
            if image is None and modality != blind:
                raise ModelError(f"this classifier looks at {modality}, but {view} is missing")

    def pooled(self, tokens: Tensor) -> Tensor:
        """Tokens before the encoder [B, N, D] to what the head reads [B, D]."""
        if self.config.pool == "token":
            tokens = self.trunk.with_global(tokens)
        if self.config.pool == "raw_mean":
            mean = self.trunk.encoder(tokens, normed=False).mean(dim=1, keepdim=True)
            features = self.norm(self.trunk.encoder.norm(mean))
        else:
            features = self.norm(self.trunk.encoder(tokens))
        pooled: Tensor = features[:, -1] if self.config.pool == "token" else features.mean(dim=1)
        return pooled

    def tokens(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """Every token before the encoder; `bands` defaults to those of the configuration.

        What of spectra lies beyond [0, 1] is cut off here.

        A model whose missing bands are made up is shown all of them, whatever the sensor.
        """
        own = bands is None or self.config.among is not None
        shown = None if hs is None else hs.clamp(0, 1)
        return self.trunk.tokens(shown, rgb, self.bands if own else bands)

    def encode(
        self, hs: Tensor | None = None, rgb: Tensor | None = None, bands: Bands = None
    ) -> Tensor:
        """Encoder output [B, n + tiles, D], spectral tokens first, without the global token."""
        encoded: Tensor = self.trunk.encoder(self.tokens(hs, rgb, bands))
        return encoded
