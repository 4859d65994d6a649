"""What can be chosen for a training run: declared once, here, with its default and its meaning.

The command line, the YAML files and the run folder's `config.yaml` are made from these fields.
No torch: `--help` must answer at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

from bimae.errors import BandError
from bimae.model.config import (
    PRESETS,
    BandPositions,
    BandTokens,
    HsMasking,
    Modality,
    Pool,
    Scale,
)
from bimae.spectra import BandSelection

Arithmetic = Literal["32", "bf16-mixed"]
Precision = Literal["auto", "32", "bf16-mixed"]
Compile = Literal["auto", "on", "off"]
Resident = Literal["auto", "on", "off"]
Strategy = Literal["auto", "ddp", "fsdp"]
Logger = Literal["tensorboard", "wandb", "mlflow", "none"]
ClassWeights = Literal["none", "balanced", "sqrt"]
Shots = int | Literal["all"]


@dataclass(frozen=True)
class RunOptions:
    """Options that every training run has."""

    data: Path
    """TFRecords: a file, a glob, a folder with train/val/test parts, or a flat folder to split."""
    out: Path | None = None
    """Run folder to make; default: runs/<verb>-<date>-<time>."""
    overwrite: bool = False
    """Replace the run that `out` holds already."""
    resume: Path | None = None
    """Run folder to go on with from its last checkpoint; its config.yaml gives what is not given
    here."""
    model: str = "mae_vit_tiny_patch24"
    """Preset: mae_vit_{tiny,small,base}_patch24; with weights, theirs is taken."""
    epochs: int = 300
    """Times that every sample is seen."""
    learning_rate: float = 1e-4
    """Peak learning rate, after the warm-up."""
    warmup: float = 0.1
    """Share of all steps that the learning rate rises; then it falls to zero as a cosine."""
    batch_size: int = 512
    """Samples per step, over all processes; one batch if the data are fewer."""
    accumulate: int = 1
    """Parts that each step goes through the model in, one after another: more need less memory. A
    CPU takes parts of at most 16 samples (64 in bf16) in any case."""
    checkpoint_activations: bool = False
    """Compute the encoder's blocks again in the backward pass instead of keeping what they made:
    less memory, a third more work."""
    any_sensor: bool = False
    """Each step pretends to have another camera: one view or both, all bands or some. A classifier
    then answers for any of them, and what is there is said when it is used."""
    hs_size: int | None = None
    """Side of the spectral images in pixels; default: as stored (24 if sizes differ)."""
    rgb_size: int | None = None
    """Side of the RGB images in pixels; default: as stored (192 if sizes differ)."""
    patch_size: int | None = None
    """Side of an RGB tile in pixels; default: 24, with weights theirs."""
    weight_decay: float = 0.05
    """AdamW's decoupled decay; not on norms, biases, tokens and positions."""
    warmup_learning_rate: float = 1e-6
    """Learning rate at the first step of the warm-up."""
    seed: int = 0
    """Seed of the split, the weights, the order, the flips and the masks."""
    precision: Precision = "auto"
    """Arithmetic; auto measures both at the start and takes the faster one. bf16-mixed computes in
    bfloat16; weights, norms, losses and the optimiser stay in float32."""
    compile: Compile = "auto"
    """Compile the model; auto: on a GPU, in runs long enough for that to pay. off also starts the
    steps of a GPU one by one instead of recording them."""
    workers: int = 0
    """Processes that read ahead; 0: read in the training process. Not used for resident data."""
    resident: Resident = "auto"
    """Hold the data in memory, a GPU's where there is one; auto: where they take less than half
    of the GPU's free memory or a quarter of the machine's, and one process trains."""
    strategy: Strategy = "auto"
    """How processes that torchrun or SLURM started share the work: ddp, or fsdp, which shares the
    weights out too; auto: ddp where there are several."""
    logger: Logger = "tensorboard"
    """Where curves go besides metrics.csv; wandb and mlflow need their packages."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out, one line each."""
        return list(self._problems())

    def _least_epochs(self) -> int:
        return 1

    def _problems(self) -> Iterator[str]:
        if self.model not in PRESETS and getattr(self, "weights", None) is None:
            yield f"model {self.model!r} is not known; choose one of {', '.join(PRESETS)}"
        for name, least in (
            ("batch_size", 1),
            ("epochs", self._least_epochs()),
            ("accumulate", 1),
        ):
            if getattr(self, name) < least:
                alone = " (0 with discriminant true or head lda)"
                some = alone * (name == "epochs" and hasattr(self, "discriminant"))
                yield f"{name} is {getattr(self, name)}; it must be at least {least}{some}"
        for name in ("hs_size", "rgb_size", "patch_size"):
            size = getattr(self, name)
            if size is not None and size < 1:
                yield f"{name} is {size}; it must be at least 1"
        if self.rgb_size and self.patch_size and self.rgb_size % self.patch_size:
            yield f"rgb_size {self.rgb_size} is not a multiple of patch_size {self.patch_size}"
        for name in ("learning_rate", "warmup_learning_rate"):
            if not getattr(self, name) > 0:
                yield f"{name} is {getattr(self, name)}; it must be above 0"
        if not 0 <= self.warmup < 1:
            yield f"warmup is {self.warmup}; it must be at least 0 and below 1"
        for name in ("weight_decay", "workers", "seed"):
            if getattr(self, name) < 0:
                yield f"{name} is {getattr(self, name)}; it must not be negative"


@dataclass(frozen=True)
class PretrainOptions(RunOptions):
    """Options of pretraining; the defaults are the paper's recipe."""

    hs_mask_ratio: float = 0.9
    """Share of the bands that is hidden."""
    rgb_mask_ratio: float = 0.75
    """Share of the RGB tiles that is hidden."""
    hs_target_ratio: float = 0.2
    """Share of the hidden bands that is reconstructed in a step."""
    rgb_target_ratio: float = 0.5
    """Share of the hidden tiles that is reconstructed in a step."""
    band_positions: BandPositions = "learned"
    """What tells bands apart: a learned row for each band of this sensor (the paper), or its
    wavelength and width, so that the weights read any sensor."""
    band_tokens: BandTokens = "sum"
    """A band's token is its projected image plus its position (the paper); product: the image is
    first multiplied by weights of the band."""
    scale: Literal["before", "standard", "shape", "whitened"] = "before"
    """Spectra are min-max scaled per pixel (the paper); or each band by its mean and deviation over
    the training part (standard), which keeps brightness and does not depend on what other bands
    there are; or so after logarithms and without brightness (shape), and whitened by what varies
    inside one object (whitened)."""
    cross_modal: float = 0.0
    """Share of the steps in which one view is hidden wholly and reconstructed from the other."""
    hs_masking: HsMasking = "random"
    """Bands are hidden one by one (the paper); block: in runs of neighbours, which cannot be made
    up from the bands beside them; similarity: in groups that are alike in the training part."""
    hs_block: int = 10
    """Bands of a run, with hs_masking block."""
    hs_similarity: float = 0.95
    """With hs_masking similarity: neighbouring bands are one group where the means of samples
    correlate by at least so much between each two of them."""
    normalised_patches: bool = False
    """Reconstruct each patch brought to mean 0 and deviation 1 (He et al. 2022); pictures and
    errors then take the true patch's mean and deviation."""
    spectral_angle: float = 0.0
    """What the mean angle in radians between true and reconstructed spectra counts in the loss,
    beside the squared errors; 0: off."""

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if not 0 <= self.cross_modal <= 1:
            yield f"cross_modal is {self.cross_modal}; it must be from 0 to 1"
        if self.hs_block < 1:
            yield f"hs_block is {self.hs_block}; it must be at least 1"
        if not 0 < self.hs_similarity < 1:
            yield f"hs_similarity is {self.hs_similarity}; it must be above 0 and below 1"
        if not 0 <= self.spectral_angle < inf:
            yield f"spectral_angle is {self.spectral_angle}; it must be at least 0 and finite"
        for modality in ("hs", "rgb"):
            mask = getattr(self, f"{modality}_mask_ratio")
            target = getattr(self, f"{modality}_target_ratio")
            if not 0 < mask < 1:
                yield f"{modality}_mask_ratio is {mask}; it must be above 0 and below 1"
            if not 0 < target <= 1:
                yield f"{modality}_target_ratio is {target}; it must be above 0 and at most 1"


@dataclass(frozen=True)
class FinetuneOptions(RunOptions):
    """Options of fine-tuning a classifier; the defaults are the paper's recipe."""

    weights: Path | None = None
    """Pretraining run (or model folder) to start from; default: fresh weights, from scratch."""
    modality: Modality = "bimodal"
    """What the classifier looks at."""
    bands: str = "all"
    """Bands that it reads: all, step_60, top_5, bottom_5, 0,60,120, 450-680nm, 480,550,670nm; or
    what filters would see: 490nm@30,560nm@20 (centre@width)."""
    scale: Scale | None = None
    """Spectra are min-max scaled before the bands are picked (the paper), or after, over these
    bands only; or each band by its mean and deviation (standard); or so after logarithms and
    without brightness (shape), and whitened by what varies inside one object (whitened). Default:
    as the weights were pretrained; from scratch before, or after with any_sensor."""
    band_positions: BandPositions = "learned"
    """What tells bands apart, as in pretraining; with weights, theirs is taken."""
    band_tokens: BandTokens = "sum"
    """How a band's token is made, as in pretraining; with weights, theirs is taken."""
    complete_bands: bool = False
    """With any_sensor and scale whitened: make up the bands that a sensor lacks from those that it
    has, so that the network is always shown all bands of the sensor that it learned from."""
    pool: Pool = "mean"
    """Mean of all normalised tokens; mean of all tokens, normalised then (raw_mean); or the global
    token."""
    head: Literal["random", "lda"] = "random"
    """What the last layer starts as: random weights; or discriminant analysis of what the encoder
    says of the training samples, which takes few labels far. --epochs 0 leaves it at that."""
    discriminant: bool = False
    """Add to the network's answers what mean spectrum and mean colour say by themselves, by
    discriminant analysis; how much either counts is found on the validation part. Worth a try with
    some hundreds of samples (docs/discriminant.md). --epochs 0: it answers alone."""
    epochs: int = 50
    """Times that every sample is seen."""
    learning_rate: float = 5e-4
    """Peak learning rate, after the warm-up."""
    warmup: float = 0.05
    """Share of all steps that the learning rate rises; then it falls to zero as a cosine."""
    monitor: Literal["macro_f1", "accuracy", "loss"] = "macro_f1"
    """Validation figure that chooses the best checkpoint, which becomes the model."""
    shots: Shots = "all"
    """Training samples of each class to learn from, drawn with the seed; or all there are."""
    leave_out: tuple[str, ...] = ()
    """Classes to take out of every part, so that they are never learned: what the classifier makes
    of strangers is then seen (bimae calibrate)."""
    layer_decay: float = 1.0
    """Share of the learning rate that each layer has of the one above it (0.75 is usual); 1: all
    learn alike."""
    freeze_encoder: bool = False
    """Learn the last norm and the linear layer only, over the encoder of `weights` as it is."""
    drop_path: float = 0.0
    """How often the last block's branches are left out for a sample; less often in lower blocks."""
    label_smoothing: float = 0.0
    """Share of each label that is spread over all classes."""
    class_weights: ClassWeights = "none"
    """What a sample counts in the loss: one over its class's training samples (balanced), one over
    the root of these (sqrt), or the same for all."""
    mixup: float = 0.0
    """Beta parameter of adding up two samples and their labels (0.2 is usual); 0: off. With cutmix
    on too, each batch is mixed in one of both ways."""
    cutmix: float = 0.0
    """Beta parameter of putting a rectangle of one sample into another, the same in both views (1
    is usual); 0: off."""
    rotate: bool = False
    """Turn samples by 90 degrees at random too, both views alike; flips are always on."""
    crop: float = 1.0
    """Least share of a sample's area that a square cut from it at random and turned by any angle
    has, both views alike (0.1 is usual); 1: off."""
    ema: float = 0.0
    """What a running average of the weights keeps of itself in a step (0.999 is usual); it is what
    is validated and becomes the model. 0: off."""
    clip_gradients: float = 0.0
    """Largest norm of a step's gradients, taken together; larger ones are scaled down. 0: off."""

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from self._recipe_problems()
        try:
            BandSelection(self.bands)
        except BandError as error:
            yield str(error)
        if self.any_sensor and (self.modality != "bimodal" or self.bands != "all"):
            given = [f"modality {self.modality}"] * (self.modality != "bimodal")
            given += [f"bands {self.bands!r}"] * (self.bands != "all")
            yield (
                f"any_sensor learns from both views and all bands; {' and '.join(given)} "
                f"{'is' if len(given) == 1 else 'are'} for models of one sensor"
            )
        if self.any_sensor and self.scale == "before":
            yield "any_sensor needs scale after or standard: bands that are not there tell nothing"
        if self.complete_bands and not self.any_sensor:
            yield "complete_bands is for models of any sensor: add any_sensor true, or leave it out"
        if self.complete_bands and self.scale not in (None, "whitened"):
            yield f"complete_bands needs scale whitened, and scale is {self.scale!r}"
        if (
            self.any_sensor
            and self.discriminant
            and (self.scale == "after" or (self.scale is None and self.weights is None))
        ):
            yield (
                "discriminant needs scale whitened, shape or standard for a model of any sensor: "
                "by the range of each pixel, one camera does not tell what another would show"
            )
        if self.any_sensor and self.pool == "token":
            yield "any_sensor pools by the mean; leave out pool"
        if self.modality == "rgb" and self.bands != "all":
            yield f"bands is {self.bands!r}, but a classifier of modality rgb reads no bands"

    def _least_epochs(self) -> int:
        return 0 if self.head == "lda" or self.discriminant else 1

    def _recipe_problems(self) -> Iterator[str]:
        if not 0 < self.crop <= 1:
            yield f"crop is {self.crop}; it must be above 0 and at most 1 (off)"
        if self.shots != "all" and self.shots < 1:
            yield f"shots is {self.shots}; it must be at least 1, or all"
        if not 0 < self.layer_decay <= 1:
            yield f"layer_decay is {self.layer_decay}; it must be above 0 and at most 1"
        for name in ("drop_path", "label_smoothing", "ema"):
            if not 0 <= getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be at least 0 and below 1"
        for name in ("mixup", "cutmix", "clip_gradients"):
            if not 0 <= getattr(self, name) < inf:
                yield f"{name} is {getattr(self, name)}; it must be at least 0 (off) and finite"
        if self.freeze_encoder and self.weights is None:
            yield (
                "freeze_encoder is true, but there are no weights to freeze: an encoder that "
                "starts from scratch would never learn; give weights"
            )
        for name, off in (("layer_decay", 1), ("drop_path", 0)):
            if self.freeze_encoder and getattr(self, name) != off:
                yield (
                    f"{name} is {getattr(self, name)}, but freeze_encoder is true: the layers "
                    "it is for do not learn; leave one of them out"
                )
        for name in ("ema", "clip_gradients"):
            if self.strategy == "fsdp" and getattr(self, name):
                yield f"{name} is {getattr(self, name)}, which strategy fsdp cannot do; use ddp"
