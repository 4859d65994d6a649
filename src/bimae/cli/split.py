"""`bimae data split`: splits a data set, and says what leaks between the parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.parse import parse
from bimae.errors import DataError, count

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split
    from bimae.data.leakage import Leakage

ABOUT = (
    "Splits a data set into train, val and test, and says what lies in more than one part. The "
    "split is written beside the records as split.json, where every later run finds and follows "
    "it, before what folders or file names declare."
)
EXAMPLE = "bimae data split data/simulated --by group --ratios .7 .15 .15 --seed 0"
FAR = 0.05  # a part whose share is further off than this is worth a line
ROWS = 30  # classes in the printed table; split.json has them all


@dataclass(frozen=True)
class SplitOptions:
    """Options of splitting."""

    data: Path
    """TFRecords: a file, a glob, or a folder."""
    by: Literal["group", "random", "class-balanced"] = "group"
    """Groups whole and labels in proportion; single samples whatever they are; or single samples,
    each class in proportion."""
    ratios: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Shares of train, val and test; they add up to 1."""
    seed: int = 0
    """The same number makes the same file."""
    no_duplicates: bool = False
    """Do not look for identical images (which reads all of them); else these stay in one part."""
    out: Path | None = None
    """File to write; default: split.json in the folder of the records, which runs follow."""
    dry_run: bool = False
    """Only say what would come out; write nothing."""
    overwrite: bool = False
    """Replace another split that is there already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        from bimae.data.splits import ratios_problem

        problem = ratios_problem(self.ratios)
        negative = f"seed is {self.seed}; it must be at least 0" if self.seed < 0 else None
        return [text for text in (problem, negative) if text]


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(SplitOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",)))


def run(options: SplitOptions) -> None:
    """Splits, says what leaks, and writes."""
    from bimae.cli.progress import progress
    from bimae.data import DatasetInfo, open_dataset
    from bimae.data.drawing import draw_split
    from bimae.data.info import FILE_NAME as INFO_NAME
    from bimae.data.leakage import find_leaks, identical_images
    from bimae.data.remote import RemotePath
    from bimae.data.splits import split_file

    samples = open_dataset(options.data, hs_size=None, rgb_size=None)
    if options.out is None and isinstance(samples.root, RemotePath) and not options.dry_run:
        raise DataError(
            f"{samples.root}: nothing is written to an address; name a local file with --out, and "
            "copy it beside the records as split.json for runs to follow it"
        )
    path = options.out or split_file(samples)
    copies = None
    if not options.no_duplicates:
        with progress("looking for identical images", "sample") as counted:
            copies = identical_images(samples, counted)
    split = draw_split(
        samples, by=options.by, ratios=options.ratios, seed=options.seed, copies=copies
    )
    leakage = find_leaks(samples, split, copies)
    text = split.as_json(samples, {"leakage": leakage.as_json()})
    old = _other(path, text)
    if old and not options.overwrite and not options.dry_run:
        raise DataError(
            f"{path}: {old}, expected none: replace it with --overwrite, or write to another place "
            "with --out"
        )
    _tell(samples, split, leakage)
    if options.dry_run:
        print(f"nothing is written (--dry-run){f'; {path}: {old}' if old else ''}")
        return
    _write(path, text)
    print(f"split    {path}")
    if path.resolve() != split_file(samples).resolve():
        print(f"note: runs follow {split_file(samples)} only")
    elif (samples.root / INFO_NAME).exists():
        DatasetInfo.add(samples.root, split=split.summary())


def _other(path: Path, text: str) -> str | None:
    """What lies at `path` other than this very split; None where nothing does."""
    if path.is_dir():
        raise DataError(f"{path}: a folder, a file to write is expected: name one with --out")
    try:
        found = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: found a file that cannot be read ({error}), expected a split or none: "
            "remove it, or name another with --out"
        ) from error
    return None if found == text else "found another split"


def _write(path: Path, text: str) -> None:
    from bimae.storage import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); name another place with --out"
        ) from error


def _tell(samples: "SeedDataset", split: "Split", leakage: "Leakage") -> None:
    simulated = " (simulated)" if samples.info.simulated else ""
    print(f"{count(len(samples), 'sample')}{simulated}, {split.how}")
    grouped = any(group is not None for group in samples.groups)
    for name, facts in leakage.parts.items():
        share = 100 * facts["samples"] / len(samples)
        groups = f", {count(facts['groups'], 'group')}" if grouped else ""
        none = f", {facts['unlabelled']} without a label" if facts["unlabelled"] else ""
        print(f"{name:<9}{count(facts['samples'], 'sample')} ({share:.1f} %){groups}{none}")
    asked = dict(zip(leakage.parts, split.ratios or (), strict=False))
    shares = {name: facts["samples"] / len(samples) for name, facts in leakage.parts.items()}
    if grouped and any(abs(shares[name] - share) > FAR for name, share in asked.items()):
        print(
            "note: groups are kept whole, and every class is to be in every part, so these are not "
            f"the shares asked for ({', '.join(f'{share:g}' for share in asked.values())})"
        )
    _tell_classes(leakage)
    if not grouped:
        print("note: no sample has a group; nobody can tell what was taken together")
    if any(samples.declared_splits):
        names = ", ".join(dict.fromkeys(str(part) for part in samples.declared_splits))
        print(f"note: folders or file names declare {names}; this split goes before them")
    _tell_leaks(leakage, grouped)


def _tell_classes(leakage: "Leakage") -> None:
    if not leakage.classes:
        return
    names = list(leakage.parts)
    width = max(5, *(len(label) for label in leakage.classes))
    print(f"{'class':<{width}}" + "".join(f"{name:>8}" for name in names))
    for label, counts in list(leakage.classes.items())[:ROWS]:
        print(f"{label:<{width}}" + "".join(f"{counts[name]:>8}" for name in names))
    if len(leakage.classes) > ROWS:
        print(f"... and {count(len(leakage.classes) - ROWS, 'class')} more")
    for missing in leakage.missing[:ROWS]:
        print(f"note: no {missing.part} sample of {missing.label}: {missing.why}")
    if len(leakage.missing) > ROWS:
        print(f"note: and so in {count(len(leakage.missing) - ROWS, 'case')} more")


def _tell_leaks(leakage: "Leakage", grouped: bool) -> None:
    if grouped:
        torn = leakage.torn_groups
        print(f"groups in more than one part: {len(torn)}{_some(torn)}")
    if leakage.torn_copies is None:
        print("identical images: nobody looked for them")
    else:
        first = [" = ".join(keys[:3]) for keys in leakage.torn_copies]
        print(
            f"identical images in more than one part: {len(first)} of {leakage.copies} sets"
            f"{_some(first)}"
        )
    of = "their own group" if grouped else "themselves"
    if grouped and leakage.copies:
        of = "their own group, or copies of themselves,"
    elif not grouped:
        of = "copies of themselves"
    for name, this in leakage.this.items():
        if not this.samples or not (grouped or leakage.copies):
            continue
        random = leakage.random[name]
        print(
            f"a random split would put {random.either} of {random.samples} {name} samples beside "
            f"samples of {of} in training; this split: {this.either} of {this.samples}"
        )
        if this.group:
            print(f"note: {name} figures will flatter; --by group keeps groups whole")


def _some(names: list[str]) -> str:
    return f" ({', '.join(names[:3])}{', ...' * (len(names) > 3)})" if names else ""
