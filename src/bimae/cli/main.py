"""`bimae VERB ...`: finds the verb's file and runs it; knows nothing of what it does.

No verb is imported before it is asked for, so that `bimae --help` answers at once.
"""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from bimae import __version__
from bimae.errors import BimaeError

# verb: (module, what it does)
VERBS = {
    "demo": ("demo", "simulate seeds, pretrain, fine-tune, test: the whole job in minutes"),
    "data import": ("import_data", "turn a camera's files into a checked, split data set"),
    "data check": ("check", "read a data set once and say what is wrong with it"),
    "data inspect": ("inspect_data", "draw a data set as one HTML page"),
    "data split": ("split", "split a data set, and say what leaks between the parts"),
    "data folds": ("folds", "split a data set several ways that test on other samples each"),
    "data simulate": ("simulate", "write a simulated data set of seeds as TFRecords"),
    "data indian-pines": ("indian_pines", "write samples of a real hyperspectral scene"),
    "pretrain": ("pretrain", "learn from images without labels"),
    "distill": ("distill", "pretrain a small model that learns from a larger one's features too"),
    "finetune": ("finetune", "train and test a classifier, from pretrained weights or scratch"),
    "evaluate": ("evaluate", "test a classifier on other data"),
    "calibrate": (
        "calibrate",
        "probabilities to believe, sets that hold the truth, strangers told",
    ),
    "predict": ("predict", "a table of answers for new seeds, from records or a camera's files"),
    "export": (
        "export",
        "one checked file for ONNX Runtime, which needs no PyTorch, or torch.export",
    ),
    "purity": ("purity", "purity of a lot of seeds by number: intervals, a report to look at"),
    "serve": ("serve", "answers over HTTP for new seeds, and a page to drop them on"),
    "explain": ("explain", "which bands and regions carried an answer, checked, as a report"),
    "bands": ("bands", "which bands or filters matter, and what a few of them are worth"),
    "probe": ("probe", "how good frozen features are: linear, nearest neighbours, discriminant"),
    "baselines": ("baselines", "what a network has to beat: classical methods, small networks"),
    "study": ("study", "a declared matrix of experiments, resumable, to one table and figures"),
    "reconstruct": ("reconstruct", "draw what a pretrained model makes of hidden bands and tiles"),
    "bench": ("bench", "measure how fast this machine trains, predicts and reads"),
    "import-official": ("import_official", "turn the authors' released weights into a model"),
}


NO_CACHE = "--no-cache"
# packages of extras that whole verbs need: (name for people, extra)
EXTRAS = {
    "torch": ("PyTorch", "train"),
    "lightning": ("Lightning", "train"),
    "sklearn": ("scikit-learn", "train"),
    "threadpoolctl": ("threadpoolctl", "train"),
}


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The command `bimae`; exits with 0, with 2 for what the user can mend, or with 130."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in a log, lines stand beside their bars
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """Runs one command line; returns its exit code."""
    if NO_CACHE in argv:
        argv = [word for word in argv if word != NO_CACHE]
        os.environ["BIMAE_NO_CACHE"] = "1"  # for the processes that read along too
    if argv in (["--version"], ["-V"]):
        print(f"bimae {__version__}")
        return 0
    found = next((v for v in VERBS if argv[: len(v.split())] == v.split()), None)
    if found is None:
        return _overview(argv)
    return guarded(VERBS[found][0], argv[len(found.split()) :], f"bimae {found}")


def guarded(verb: str, argv: list[str], prog: str) -> int:
    """Runs a verb; a user's mistake becomes one line and exit code 2.

    A verb may return an exit code of its own, where its answer is more than done or not.

    Args:
        verb: Its file in this folder, or `file:function` where it is not called `main`.
        argv: The words after the verb.
        prog: What the command is called.
    """
    module, _, function = verb.partition(":")
    try:
        code = getattr(import_module(f"bimae.cli.{module}"), function or "main")(argv, prog)
    except BimaeError as error:
        for line in str(error).splitlines():
            print(f"{prog}: {line}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        name, extra = EXTRAS[error.name]
        print(f"{prog}: {name} is not installed; pip install 'bimae[{extra}]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"\n{prog}: {str(interrupt) or 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a place that may not be written to
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"{prog}: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return 2
    return int(code or 0)


def _overview(argv: list[str]) -> int:
    """The list of verbs; for a word that is none, an error."""
    asked = [word for word in argv if word not in ("-h", "--help")]
    shown = {
        v: text for v, (_, text) in VERBS.items() if v.split()[0] == "data" or asked != ["data"]
    }
    lines = "\n".join(f"  {verb:<20}{text}" for verb, text in shown.items())
    usage = (
        "usage: bimae VERB [options]      bimae VERB --help shows options, defaults, an example\n\n"
        "BiMAE: learn from the RGB image and the hyperspectral cube of a seed, then classify it\n"
        f"from whichever is there.\n\n{lines}\n\n"
        "  --version           print the version\n"
        "  --no-cache          with any verb: keep no index and no inflated copy of its records"
    )
    if asked and asked != ["data"]:
        known = ", ".join(VERBS)
        print(f"bimae: {' '.join(asked[:2])!r} is no verb; one of: {known}", file=sys.stderr)
        return 2
    print(usage)
    return 0 if argv else 2
