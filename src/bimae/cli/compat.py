"""The authors' two command lines, `mae_trainer.py` and `mae_trainer_finetuning.py`, unchanged.

Their flags and defaults, read into our options; what we read differently is said in one line.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bimae.errors import ConfigError, ModelError
from bimae.train.options import FinetuneOptions, PretrainOptions, RunOptions

RUNS = Path("runs")
TWICE = "--hs_mask_proportion is given twice: the second one, {}, is taken for RGB"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Flag:
    """One flag of the authors' scripts.

    Attributes:
        kind: Type of its value.
        default: The authors' default, in pretraining and in fine-tuning.
        option: Our option that it sets; empty where it is only checked.
    """

    kind: type
    default: tuple[Any, Any]
    option: str = ""


FLAGS = {
    "model": Flag(str, ("mae_vit_tiny_patch24",) * 2, "model"),
    "scr_dir": Flag(Path, (None, None), "data"),
    "batch_size": Flag(int, (512, 512), "batch_size"),
    "epochs": Flag(int, (200, 10), "epochs"),
    "learning_rate_base": Flag(float, (1e-4, 5e-4), "learning_rate"),
    "warmup_learning_rate": Flag(float, (1e-6, 1e-6), "warmup_learning_rate"),
    "warmup_epoch_percentage": Flag(float, (0.1, 0.05), "warmup"),
    "weight_decay": Flag(float, (0.05, 0.05), "weight_decay"),
    "patch_size": Flag(int, (24, 24), "patch_size"),
    "hs_image_size": Flag(int, (24, 24), "hs_size"),
    "rgb_image_size": Flag(int, (192, 192), "rgb_size"),
    "hs_num_patches": Flag(int, (None, None)),
    "rgb_num_patches": Flag(int, (None, None)),
    "hs_mask_proportion": Flag(float, (0.95, 0.95), "hs_mask_ratio"),
    "rgb_mask_proportion": Flag(float, (0.75, 0.75), "rgb_mask_ratio"),
    # the share of the hidden tokens that is reconstructed, whatever its name says
    "hs_decoder_mask_proportion": Flag(float, (0.2, 0.2), "hs_target_ratio"),
    "rgb_decoder_mask_proportion": Flag(float, (0.5, 0.5), "rgb_target_ratio"),
    "seed": Flag(int, (42, 42), "seed"),
    "norm_layer": Flag(str, ("layer_norm_eps_1e-6",) * 2),
    # fine-tuning only
    "num_classes": Flag(int, (None, 19)),
    "from_scratch": Flag(bool, (None, False)),
    "use_mean_pooling": Flag(bool, (None, True)),
    "target_modalities": Flag(str, (None, "bimodal"), "modality"),
    "select_channels_strategy": Flag(str, (None, "step_60"), "bands"),
    "hs_num_channels": Flag(int, (None, None)),
    "weights": Flag(Path, (None, None), "weights"),
    # ours, since their scripts write to fixed places
    "out": Flag(Path, (None, None), "out"),
}
FINETUNING_ONLY = list(FLAGS)[list(FLAGS).index("num_classes") : list(FLAGS).index("out")]


def pretrain(argv: list[str], prog: str) -> None:
    """`python mae_trainer.py FLAGS`."""
    from bimae.cli import pretrain as verb

    values = read_flags(argv, prog, finetuning=False)
    options = _options(PretrainOptions, values)
    _check_counts(values, options)
    verb.run(options)


def finetune(argv: list[str], prog: str) -> None:
    """`python mae_trainer_finetuning.py FLAGS`."""
    from bimae.cli import finetune as verb

    values = read_flags(argv, prog, finetuning=True)
    values["pool"] = "mean" if values["use_mean_pooling"] else "token"
    if values["target_modalities"] == "rgb":
        values["select_channels_strategy"] = "all"
    if values["from_scratch"] and values["weights"]:
        raise ConfigError("--weights is given, but --from_scratch=True; leave one of them out")
    options = _options(FinetuneOptions, values)
    bands = _check_counts(values, options)
    if not values["from_scratch"] and options.weights is None:
        values["weights"] = _newest_pretraining(options, bands)
        print(f"starting from the newest matching pretraining run: {values['weights']}")
        options = _options(FinetuneOptions, values)
    verb.run(options)


def read_flags(argv: list[str], prog: str, *, finetuning: bool, say: Say = print) -> dict[str, Any]:
    """The authors' flags as values of their types, defaults filled in.

    Args:
        argv: Words after the script's name.
        prog: The script's name.
        finetuning: Which of the two scripts.
        say: Where a line about a flag that is read differently goes.

    Raises:
        ConfigError: One line for every flag that is not understood.
    """
    if any(word in ("-h", "--help") for word in argv):
        print(_help(prog, finetuning))
        raise SystemExit(0)
    known = [name for name in FLAGS if finetuning or name not in FINETUNING_ONLY]
    values = {name: FLAGS[name].default[finetuning] for name in known}
    given: set[str] = set()
    mistakes = []
    for name, text in _pairs(argv):
        name = "scr_dir" if name == "src_dir" else name  # noqa: PLW2901 - both spellings
        if name == "hs_mask_proportion" and name in given:
            say(f"{prog}: {TWICE.format(text)}")
            name = "rgb_mask_proportion"  # noqa: PLW2901
        if name not in known:
            mistakes.append(f"--{name} is no flag of {prog}; known: {', '.join(known)}")
            continue
        given.add(name)
        try:
            values[name] = _value(FLAGS[name].kind, text)
        except ValueError:
            mistakes.append(f"--{name} {text!r}: a {FLAGS[name].kind.__name__} is expected")
    if values["scr_dir"] is None:
        mistakes.append("--scr_dir is required: a folder of TFRecords")
    if values["norm_layer"] != "layer_norm_eps_1e-6":
        mistakes.append(
            f"--norm_layer {values['norm_layer']!r}: only layer_norm_eps_1e-6, the authors' "
            "default, is built here"
        )
    if mistakes:
        raise ConfigError.of(mistakes)
    return values


def _pairs(argv: list[str]) -> list[tuple[str, str]]:
    words, pairs = list(argv), []
    while words:
        name, equals, text = words.pop(0).partition("=")
        if not name.startswith("--"):
            raise ConfigError(f"{name!r} is not understood; flags look like --epochs=50")
        if not equals:
            if not words:
                raise ConfigError(f"{name} needs a value")
            text = words.pop(0)
        pairs.append((name[2:].replace("-", "_"), text))
    return pairs


def _value(kind: type, text: str) -> Any:
    if kind is bool:  # a real boolean: the authors' `type=bool` takes "False" for True
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise ValueError(text)
        return text.lower() in ("true", "1", "yes")
    return kind(text)


def _options(kind: type[Any], values: dict[str, Any]) -> Any:
    fitting = {f.name for f in fields(kind)}
    chosen = {FLAGS[name].option: v for name, v in values.items() if name in FLAGS}
    chosen |= {name: v for name, v in values.items() if name not in FLAGS}
    options = kind(**{name: v for name, v in chosen.items() if name in fitting})
    if problems := options.problems():
        raise ConfigError.of(problems)
    return options


def _check_counts(values: dict[str, Any], options: RunOptions) -> int:
    """Holds the counts that the authors' flags repeat against the data; returns its bands."""
    from bimae.data import open_dataset
    from bimae.spectra import BandSelection

    samples = open_dataset(
        options.data, hs_size=options.hs_size or 24, rgb_size=options.rgb_size or 192
    )
    tiles = ((options.rgb_size or 192) // (options.patch_size or 24)) ** 2
    found = [
        (values["hs_num_patches"], samples.bands, "--hs_num_patches", "bands in the data"),
        (values["rgb_num_patches"], tiles, "--rgb_num_patches", "tiles of that patch size"),
    ]
    if isinstance(options, FinetuneOptions):
        count = len(BandSelection(options.bands).channels(samples.bands, samples.wavelengths_nm))
        if options.modality != "rgb":
            strategy = f"bands of {options.bands}"
            found.append((values["hs_num_channels"], count, "--hs_num_channels", strategy))
        classes = len(samples.classes)
        if classes > values["num_classes"]:
            found.append((values["num_classes"], classes, "--num_classes", "classes in the data"))
        elif classes < values["num_classes"]:
            print(
                f"{options.data}: {classes} classes, fewer than --num_classes="
                f"{values['num_classes']}; the classifier gets {classes}"
            )
    mistakes = [
        f"{flag}={asked}, but there are {there} {what}; correct the flag"
        for asked, there, flag, what in found
        if asked is not None and asked != there
    ]
    if mistakes:
        raise ConfigError.of([f"{options.data}: {mistake}" for mistake in mistakes])
    return samples.bands


def _newest_pretraining(options: FinetuneOptions, bands: int) -> Path:
    """The newest finished pretraining run below `runs/` with the same model and sizes."""
    wanted = {"kind": "BiMAE", "name": options.model, "patch_size": options.patch_size}
    wanted |= {"hs_size": options.hs_size, "rgb_size": options.rgb_size, "bands": bands}
    found = []
    for config in RUNS.glob("*/model/config.json"):
        with suppress(ValueError):  # a damaged folder is no match
            if wanted.items() <= json.loads(config.read_text(encoding="utf-8")).items():
                found.append((config.stat().st_mtime, config.parents[1]))
    if not found:
        raise ModelError(
            f"--from_scratch=False, but {RUNS.resolve()} holds no finished pretraining run of "
            f"{options.model} with these sizes; run mae_trainer.py first, name one with --weights, "
            "or set --from_scratch=True"
        )
    return max(found)[1]


def _help(prog: str, finetuning: bool) -> str:
    lines = [
        f"  --{name}={flag.default[finetuning]}"
        for name, flag in FLAGS.items()
        if finetuning or name not in FINETUNING_ONLY
    ]
    verb = "finetune" if finetuning else "pretrain"
    return (
        f"usage: python {prog} --scr_dir=path/to/tfrecord [flags]\n\n"
        f"The authors' flags with their defaults; `bimae {verb} --help` explains ours.\n"
        + "\n".join(lines)
    )
