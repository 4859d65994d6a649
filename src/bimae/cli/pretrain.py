"""`bimae pretrain`: learn from images without labels."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from bimae.cli.parse import parse
from bimae.cli.parts import tell_parts
from bimae.errors import count
from bimae.train.options import PretrainOptions

if TYPE_CHECKING:
    from bimae.train.pretrain import PretrainRun

ABOUT = (
    "Learns from paired RGB and hyperspectral images without labels: hides most bands and tiles "
    "and reconstructs them. Leaves a run folder with the model, curves and reconstructions."
)
EXAMPLE = "bimae pretrain --data DATA --out runs/a --model mae_vit_tiny_patch24 --epochs 300"
SHOWN = 6  # samples in reconstructions.png
JUDGED = 128  # samples whose hidden patches the printed errors are taken over, at most
AVERAGED = 512  # training samples in the mean image, at most


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    start(
        parse(PretrainOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",))
    )


def start(options: PretrainOptions) -> None:
    """Runs a pretraining, with a teacher or without; of several processes the first reports."""
    from bimae.train.pretrain import pretrain
    from bimae.train.processes import Processes

    if Processes.of_environment().first:
        run(options)
    else:
        pretrain(options)


def run(options: PretrainOptions) -> "PretrainRun":
    """Pretrains, draws the run's pictures, and says what came out and where it lies."""
    from bimae.evaluate.reconstruction import reconstruct
    from bimae.report import figures
    from bimae.report.card import about, write_card
    from bimae.train.pretrain import pretrain, verb_of
    from bimae.train.run_folder import read_rows

    done = pretrain(options)
    folder, info = done.folder, done.samples.info
    what = {"pretrain": "pretraining", "distill": "distillation"}[verb_of(options)]
    title = f"{'SIMULATED DATA - ' * info.simulated}{what} on {info.name or options.data}"
    figures.save(figures.loss_curves(read_rows(folder.metrics), title), folder.path / "loss.png")

    # Unseen samples where there are any: a picture of what was learned, not of what was stored.
    split = done.split
    unseen = split.val or split.test or split.train
    new = "unseen " if split.val or split.test else ""
    found = reconstruct(done.model, done.samples, unseen[:SHOWN], seed=options.seed)
    picture = folder.path / "reconstructions.png"
    figures.save(figures.reconstructions(found, title, done.samples.wavelengths_nm), picture)
    errors = reconstruct(
        done.model,
        done.samples,
        unseen[:JUDGED],
        seed=options.seed,
        mean_of=split.train[:AVERAGED],
    ).errors
    write_card(folder.model, done.model.config, about(done.samples, split, asdict(options)))
    tell_parts(split, done.samples)
    told = f"\n  {errors.note}" if errors.note else ""
    print(
        f"pretrained on {count(len(split.train), 'sample')}; mean squared error over what was "
        f"hidden in {count(min(len(unseen), JUDGED), f'{new}sample')} (in brackets: of the mean "
        f"training image):\n"
        f"  spectra {errors.hs:.5f} ({errors.hs_mean_image:.5f})   "
        f"RGB {errors.rgb:.5f} ({errors.rgb_mean_image:.5f}){told}\n"
        f"model    {folder.model}\npictures {picture}, {folder.path / 'loss.png'}"
    )
    return done
