"""`bimae pretrain`: learn from images without labels."""

from typing import TYPE_CHECKING

from bimae.cli.parse import parse
from bimae.train.options import PretrainOptions

if TYPE_CHECKING:
    from bimae.train.pretrain import PretrainRun

ABOUT = (
    "Learns from paired RGB and hyperspectral images without labels: hides most bands and tiles "
    "and reconstructs them. Leaves a run folder with the model, curves and reconstructions."
)
EXAMPLE = "bimae pretrain --data DATA --out runs/a --model mae_vit_tiny_patch24 --epochs 300"
SHOWN = 6  # samples in reconstructions.png
JUDGED = 256  # samples whose hidden patches the printed errors are taken over, at most


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(PretrainOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: PretrainOptions) -> "PretrainRun":
    """Pretrains, draws the run's pictures, and says what came out and where it lies."""
    from bimae.evaluate.reconstruction import reconstruct
    from bimae.report import figures
    from bimae.train.pretrain import pretrain
    from bimae.train.run_folder import read_rows

    done = pretrain(options)
    folder, info = done.folder, done.samples.info
    title = f"{'SIMULATED DATA - ' * info.simulated}{folder.path.name}: pretraining"
    figures.save(figures.loss_curves(read_rows(folder.metrics), title), folder.path / "loss.png")

    # Unseen samples where there are any: a picture of what was learned, not of what was stored.
    unseen = done.split.val or done.split.test or done.split.train
    found = reconstruct(done.model, done.samples, unseen[:SHOWN], seed=options.seed)
    picture = folder.path / "reconstructions.png"
    figures.save(figures.reconstructions(found, title, done.samples.wavelengths_nm), picture)
    errors = reconstruct(done.model, done.samples, unseen[:JUDGED], seed=options.seed).errors
    print(
        f"pretrained on {len(done.split.train)} samples; mean squared error over what was hidden "
        f"in {min(len(unseen), JUDGED)} {'unseen ' * bool(done.split.val or done.split.test)}"
        f"samples (in brackets: of the mean image):\n"
        f"  spectra {errors.hs:.5f} ({errors.hs_mean_image:.5f})   "
        f"RGB {errors.rgb:.5f} ({errors.rgb_mean_image:.5f})\n"
        f"model    {folder.model}\npictures {picture}, {folder.path / 'loss.png'}"
    )
    return done
