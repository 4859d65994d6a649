"""`bimae calibrate`: probabilities to believe, sets that hold the truth, strangers rejected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.parse import parse
from bimae.cli.parts import band_problems, known_split
from bimae.errors import ConfigError, DataError, count

if TYPE_CHECKING:
    from bimae.data import SeedDataset
    from bimae.predict.calibrated import Calibrated
    from bimae.predict.seen import Seen

ABOUT = (
    "Calibrates a fine-tuned classifier on samples that it did not learn from: a temperature, so "
    "that of the answers given with 90 % certainty 90 % are right; conformal sets, which hold the "
    "true class as often as is asked for; and a threshold from which on a sample is taken to be of "
    "none of its classes. On the data that it was trained on, the val part is used and the test "
    "part checks what came out; other data use their own parts, or are halved. Samples of classes "
    "that the model does not know are strangers, by which the way of telling them is chosen. What "
    "is found is kept in the model folder."
)
EXAMPLE = "bimae calibrate runs/b DATA"


@dataclass(frozen=True)
class CalibrateOptions:
    """Options of calibration."""

    model: Path
    """Fine-tuning run, or its model folder; what is found is kept there."""
    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    alpha: float = 0.05
    """Share of new samples whose set may miss the true class."""
    reject: float = 0.05
    """Share of samples of known classes that may be rejected."""
    per_class: bool = False
    """Hold each class to alpha by itself; rare ones get larger sets."""
    score: Literal["auto", "energy", "unsureness", "mahalanobis", "relative"] = "auto"
    """What strangeness is measured by; auto: the one that tells the strangers in the data best."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views to show a model of any sensor; each sensor has a calibration of its own."""
    bands: str = "auto"
    """Bands to show it, as in `bimae evaluate`."""
    seed: int = 0
    """Decides how data without parts are halved."""
    batch_size: int = 64
    """Samples at a time."""
    overwrite: bool = False
    """Replace a calibration even by one that is worth less: of too few samples, or of images that
    are unlike those learned from."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for name in ("alpha", "reject"):
            if not 0 < getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be above 0 and below 1"
        for name, least in (("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                yield f"{name} is {getattr(self, name)}; it must be at least {least}"
        yield from band_problems(self.bands)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        CalibrateOptions,
        argv,
        prog=prog,
        about=ABOUT,
        example=EXAMPLE,
        positionals=("model", "data"),
    )
    run(options)


def run(options: CalibrateOptions) -> "Calibrated":
    """Calibrates, keeps what was found, and says what it is worth."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from bimae.cli.calibrate_text import summary
    from bimae.cli.progress import progress
    from bimae.data import open_dataset
    from bimae.data.labels import left_aside
    from bimae.evaluate.looks import look
    from bimae.evaluate.sensor import UNRELIABLE, Learned
    from bimae.model import SeedClassifier, model_folder
    from bimae.model.hub import is_address
    from bimae.predict.calibrate import USUAL, Parts, calibrate, listen
    from bimae.predict.calibrated import load, save
    from bimae.predict.seen import Seen
    from bimae.predict.shown import Shown
    from bimae.report.card import read_about, write_card

    if is_address(options.model):
        raise ConfigError(
            f"{options.model}: a calibration is kept in the model folder, and this one is on the "
            "Hub; copy it to this machine (hf download) and name the copy"
        )
    folder = model_folder(options.model)
    about = read_about(folder)
    model = SeedClassifier.from_pretrained(options.model)
    config = model.config
    sizes = config.model
    samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    looks = look(
        model, samples, modality=options.modality, bands=options.bands, labels=False,
        learned=Learned.of(about),
    )  # fmt: skip
    if looks.note:
        print(f"note: {looks.note}")
    if aside := left_aside(samples.labels):
        print(f"note: {aside}")
    seen = Seen.load(folder)
    shown = Shown.on(model.config, looks.reading, samples, options.bands)
    split_file = folder.parent / "split.json"
    parts, how = _parts(options, samples, config.classes, split_file, seen)
    said = {}
    for name, indices in parts.items():
        if indices:
            with progress(f"answers ({name})", "batch") as watch:
                said[name] = listen(
                    model, samples, indices, looks, batch_size=options.batch_size, watch=watch
                )
    made = calibrate(
        Parts(said["fit"], said.get("check"), said.get("train"), said.get("strangers")),
        shown,
        config.classes,
        alpha=options.alpha,
        share=options.reject,
        per_class=options.per_class,
        score=None if options.score == "auto" else options.score,
        usual=USUAL if model.discriminant is None else "mahalanobis",
        groups=[samples.groups[i] for i in parts["check"]],
    )
    data = {
        "name": samples.info.name or samples.root.name,
        "simulated": samples.info.simulated,
        "fingerprint": samples.fingerprint,
        "parts": how,
        "made": datetime.now(tz=UTC).strftime("%Y-%m-%d"),
        "strange_classes": sorted({str(samples.labels[i]) for i in parts["strangers"]}),
    }
    made = replace(made, facts={"data": data, **made.facts})
    _check_worth(options, made, unlike=UNRELIABLE in looks.note, known=load(folder))
    replaced = save(folder, made)
    seen.calibrating(samples, parts["fit"], shown.whole).save(folder)
    known = load(folder)
    about["calibration"] = [{"shown": one.shown.whole, "told": summary(one)} for one in known]
    write_card(folder, config, about)
    _tell(made, how, folder, replaced=replaced, beside=known[:-1])
    return made


def _tell(
    made: "Calibrated",
    how: str,
    folder: Path,
    *,
    replaced: "Calibrated | None",
    beside: "Sequence[Calibrated]",
) -> None:
    """Says what a calibration is worth, and what it replaces."""
    from bimae.cli.calibrate_text import lines

    print(f"parts    {how}")
    for line in lines(made):
        print(line)
    print(f"for      {made.shown.whole}")
    if replaced is not None and (before := replaced.facts.get("data", {})):
        print(f"instead  of the one made with {before['name']} on {before['made']}")
    for one in beside:
        print(f"beside   {one.shown.whole}")
    print(f"kept     {folder / 'calibration.safetensors'}")


def _check_worth(
    options: CalibrateOptions, made: "Calibrated", *, unlike: bool, known: "list[Calibrated]"
) -> None:
    """Refuses to replace a calibration by one that is worth less."""
    from bimae.predict.calibrated import replaced_by

    why = made.conformal.note if made.conformal.names_all else ""
    if unlike:
        why = "these images are unlike those that the model learned from (see the note above)"
    before = replaced_by(made, known)
    if not why or before is None or before.conformal.names_all or options.overwrite:
        return
    data = before.facts.get("data", {})
    raise ConfigError(
        f"{options.data}: {why}; the calibration for {before.shown.whole} that was made with "
        f"{data.get('name', 'other data')} is kept. Calibrate on other samples, or --overwrite it"
    )


def _parts(
    options: CalibrateOptions,
    samples: "SeedDataset",
    classes: tuple[str, ...],
    split_file: Path,
    seen: "Seen",
) -> tuple[dict[str, tuple[int, ...]], str]:
    """Samples to fit on, to check with, that were learned from, and strangers; and in words."""
    from bimae.data.stratify import stratify

    known = {i for i, label in enumerate(samples.labels) if label in classes}
    divided = known_split(samples, split_file)
    if divided is None or not divided[1]:  # of answers to what was learned nothing is to be fitted
        again = known.intersection(seen.among(samples)[0])
        if again and again == known:
            raise DataError(
                f"{options.data}: the model learned from all of its {count(len(known), 'sample')} "
                f"of known class, such as {samples.ids[min(known)]}, and is surer of them than of "
                "any other; calibrate on labelled samples that it did not learn from"
            )
        if again:
            print(
                f"note: {len(again)} of {len(known)} samples, such as {samples.ids[min(again)]}, "
                "are left aside: the model learned from them"
            )
        known -= again
    strangers = tuple(
        i for i, label in enumerate(samples.labels) if label is not None and i not in known
    )
    if not known:
        raise DataError(
            f"{options.data}: no sample of the model's classes ({', '.join(classes[:5])}"
            f"{', ...' * (len(classes) > 5)}); calibration needs labelled samples of them"
        )
    if divided is not None:
        split, own = divided
        fit, check = ([i for i in part if i in known] for part in (split.val, split.test))
        train = [i for i in split.train if i in known] if own else []
        if not fit:
            raise DataError(
                f"{options.data}: the val part has no sample of the model's classes ({split.how}); "
                "calibrate on other labelled data, or split and train again with one"
            )
        how = "the model's own split" if own else split.how
        words = f"fitted on {len(fit)} of val, checked on {len(check)} of test ({how})"
    else:
        chosen = sorted(known)
        fit, check = (
            sorted(chosen[row] for row in half)
            for half in stratify(
                [str(samples.labels[i]) for i in chosen],
                [samples.groups[i] for i in chosen],
                [1.0, 1.0],
                options.seed,
            )
        )
        train = []
        if not fit or not check:
            raise ConfigError(
                f"{options.data}: {len(chosen)} samples that belong together cannot be halved; "
                "give more, or data with a val and a test part (bimae data split)"
            )
        words = f"fitted on {len(fit)}, checked on {len(check)} (halved, seed {options.seed})"
    if strangers:
        words += f"; {count(len(strangers), 'stranger')}"
    return {
        "fit": tuple(fit), "check": tuple(check), "train": tuple(train), "strangers": strangers,
    }, words  # fmt: skip
