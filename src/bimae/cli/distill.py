"""`bimae distill`: pretrain a small model with a larger one as its teacher."""

from bimae.cli import pretrain as pretraining
from bimae.cli.parse import parse
from bimae.train.distill_options import DistillOptions

ABOUT = (
    "Pretrains a model that reconstructs what is hidden, as bimae pretrain does, and learns beside "
    "it what a larger pretrained model says of the same visible tokens. Leaves the run folder of a "
    "pretraining, for bimae finetune --weights."
)
EXAMPLE = "bimae distill --teacher runs/small --data DATA --model mae_vit_tiny_patch24 --out runs/a"


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    pretraining.start(
        parse(DistillOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",))
    )
