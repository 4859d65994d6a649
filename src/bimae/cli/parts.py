"""Chooses a part of a data set; says how one was split and sized, and what is odd about it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.errors import BandError, ConfigError, count
from bimae.spectra import BandSelection

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split

USUAL = {"train": 0.70, "val": 0.15, "test": 0.15}
FAR = 0.05  # a part whose share is further off than this is worth a line


def tell_parts(split: "Split", samples: "SeedDataset", *, epochs: bool = True) -> None:
    """Prints the parts' sizes and, where there is a reason, a line of caution each.

    Args:
        split: The parts.
        samples: The data.
        epochs: Whether there are epochs of which one is kept.
    """
    from bimae.data.labels import left_aside

    sizes = {name: len(getattr(split, name)) for name in ("train", "val", "test")}
    print(f"parts    {', '.join(f'{n} {name}' for name, n in sizes.items())} ({split.how})")
    used = (samples.labels[i] for name in sizes for i in getattr(split, name))
    if None not in used and (aside := left_aside(samples.labels)):
        print(f"note: {aside}")
    for text in samples.resized:
        print(f"note: {text} (height x width; --hs-size and --rgb-size choose others)")
    groups = {group for group in samples.groups if group is not None}
    total = sum(sizes.values())
    far = any(abs(sizes[name] / total - share) > FAR for name, share in USUAL.items())
    if groups and far and split.how.startswith("drawn"):
        print(
            f"note: groups are kept whole and there are only {len(groups)}, so the parts do not "
            "have the usual shares of 70/15/15"
        )
    learned = Counter(samples.labels[i] for i in split.train)
    for part in ("val", "test"):
        seen = {samples.labels[i] for i in getattr(split, part)}
        missing = [label for label in learned if label is not None and label not in seen]
        if missing and sizes[part]:
            listed = ", ".join(sorted(missing)[:5]) + ", ..." * (len(missing) > 5)
            print(f"note: no {part} sample of {count(len(missing), 'class')}: {listed}")
    if not sizes["test"] and total > 1:
        few = count(len(groups), "group") if groups else count(total, "sample")
        print(
            f"note: no test part ({few}): nothing can be tested; add samples of another group (a "
            "second tray), or see bimae data split --by random"
        )
    if not sizes["val"] and epochs:
        print("note: no validation part: the last epoch is kept, not the best one")


def band_problems(bands: str) -> Iterator[str]:
    """What is wrong with a choice of bands; `auto` is none."""
    try:
        BandSelection("all" if bands == "auto" else bands)
    except BandError as error:
        yield str(error)


def known_split(samples: "SeedDataset", split_file: Path) -> "tuple[Split, bool] | None":
    """How data are divided already: as where the model learned, or as they say themselves.

    Args:
        samples: The data.
        split_file: The split that the model was trained by.

    Returns:
        The split, and whether it is the model's own; None where the data are not divided.
    """
    from bimae.data import Split, split_dataset
    from bimae.data.splits import split_file as split_file_of

    if Split.matches(split_file, samples):
        return Split.load(split_file, samples), True
    if any(samples.declared_splits) or split_file_of(samples).is_file():
        return split_dataset(samples), False
    return None


def choose_part(
    part: Literal["auto", "test", "val", "train", "all"],
    samples: "SeedDataset",
    data: Path,
    split_file: Path,
) -> tuple[str, Sequence[int], str]:
    """A part of the data that a model is shown.

    Args:
        part: What is asked for; `auto`: the test part where there is one, else everything.
        samples: The data.
        data: What the user called them.
        split_file: The split that the model was trained by.

    Returns:
        The part's name, its samples, and what a person should know of it; empty where nothing.

    Raises:
        ConfigError: The data have no such part.
    """
    known = None if part == "all" else known_split(samples, split_file)
    if known is None:
        if part in ("all", "auto"):
            return "all", range(len(samples)), ""
        raise ConfigError(
            f"{data}: no declared parts, and not the data that the model was trained on; leave out "
            "--part to take everything"
        )
    split, own = known
    name = "test" if part == "auto" else part
    note = f"the model was trained on these data: its own split is used ({split_file})" * own
    return name, getattr(split, name), note
