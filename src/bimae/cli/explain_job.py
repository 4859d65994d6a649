"""From the options of `bimae explain` to the facts of its report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bimae.cli.parts import choose_part
from bimae.cli.progress import progress
from bimae.data import SeedDataset, open_dataset
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.errors import ConfigError, DataError, count
from bimae.evaluate.looks import Looks, look
from bimae.evaluate.sensor import Learned
from bimae.explain.expected import Absent, Expected, StandIn
from bimae.explain.explainer import Explainer
from bimae.explain.many import explain_many
from bimae.explain.pieces import usual_width
from bimae.model import SeedClassifier
from bimae.predict.shown import Shown
from bimae.report.card import read_about
from bimae.report.explain import Facts
from bimae.report.purity import weights_fingerprint
from bimae.report.purity.gallery import choose
from bimae.report.purity.reference import differs, learned_from

if TYPE_CHECKING:
    from bimae.cli.explain import ExplainOptions
    from bimae.cli.purity import PurityOptions
    from bimae.predict.lot import Lot

REFERENCE = 400  # samples that tell what bands are to be expected, drawn alike each time
AGAINST = {"rest": "all other classes together", "second": "the second likeliest class"}


def explain_job(
    options: "ExplainOptions",
    folder: Path,
    model: SeedClassifier,
    samples: SeedDataset,
    left_out: Sequence[str] = (),
) -> Facts:
    """Explains the answers that are asked for.

    Args:
        options: Of the verb.
        folder: The model folder.
        model: The classifier.
        samples: The data.
        left_out: Names of files that could not be imported.

    Raises:
        BimaeError: The data do not fit the model, or ids, a part or a window are not there.
    """
    looks = look(
        model, samples, modality=options.modality, bands=options.bands, labels=False,
        learned=Learned.of(read_about(folder)),
    )  # fmt: skip
    chosen, notes = _chosen(options, samples, folder.parent / "split.json")
    notes += [looks.note] * bool(looks.note)
    if left_out:
        notes.append(f"{len(left_out)} of the files could not be read: {', '.join(left_out)}")
    return explain_these(
        options, folder, model, samples, looks=looks, chosen=chosen, notes=tuple(notes)
    )


def explain_lot(
    options: "PurityOptions",
    folder: Path,
    model: SeedClassifier,
    samples: SeedDataset,
    *,
    looks: Looks,
    lot: "Lot",
) -> Facts:
    """What carried the answers to the seeds of a lot that a purity report draws; not checked."""
    from bimae.cli.explain import ExplainOptions

    plain = ExplainOptions(
        options.model, options.lot, Path(), check=0, reference=options.reference,
        modality=options.modality, bands=options.bands, batch_size=options.batch_size,
    )  # fmt: skip
    chosen, _ = choose(lot, options.most)
    return explain_these(plain, folder, model, samples, looks=looks, chosen=chosen)


def explain_these(
    options: "ExplainOptions",
    folder: Path,
    model: SeedClassifier,
    samples: SeedDataset,
    *,
    looks: Looks,
    chosen: Sequence[int],
    notes: tuple[str, ...] = (),
) -> Facts:
    """Explains the answers to some samples.

    Args:
        options: Of the verb; its data, ids, count and part are not looked at.
        folder: The model folder.
        model: The classifier, turned to the sensor of the data.
        samples: The data.
        looks: What the model is shown of them.
        chosen: Which of them.
        notes: What a person should know.

    Raises:
        BimaeError: A reference or a window does not fit the data.
    """
    model.to(torch.device("cuda" if torch.cuda.is_available() else "cpu")).eval()
    places, in_nm = places_of(looks.reading, samples, model.config.wavelengths_nm)
    if places is not None and looks.reading.completion is not None:
        notes += ("bands that the sensor lacks are made up; the maps are of all that is shown",)
    if model.discriminant is not None:
        shown = looks.reading.modality
        network, _ = model.discriminant.counts(shown != "rgb", shown != "hs")
        notes += (
            "a discriminant answers beside the network: attention is that of the network alone, "
            "occlusion is of both"
            if network
            else "a discriminant answers alone, so there is no attention to draw: the maps show "
            "what the answer loses where pieces are taken out",
        )
    if places is None and options.window != "auto":
        raise ConfigError(
            f"--window {options.window} is a width of the spectrum, and only RGB is looked at "
            "here; leave it out"
        )
    width = 1.0 if places is None else _width(options.window, places, in_nm)
    about = read_about(folder)
    stand_in, mean_rgb = stand_ins(options.reference, folder.parent, about, samples, looks)
    if options.taken_out == "absent" and stand_in is not None:
        stand_in = Absent(stand_in)
    device = next(model.parameters()).device
    explainer = Explainer.of(
        model, None if looks.rows is None else looks.rows.to(device), places=places, width=width,
        stand_in=stand_in, mean_rgb=None if mean_rgb is None else mean_rgb.to(device),
        rgb=looks.reading.modality != "hs", batch_size=options.batch_size,
    )  # fmt: skip
    classes = model.config.classes
    single = classes.index(options.against) if options.against in classes else None
    with progress("explaining", "sample", len(chosen)) as watch:
        explained = list(
            explain_many(
                explainer, samples, chosen, looks.reading, against=single,
                second=options.against == "second", check=options.check, watch=watch,
            )
        )  # fmt: skip
    own = folder.resolve()
    return Facts(
        samples, explained, explainer, classes, places, in_nm, width,
        AGAINST.get(options.against, options.against),
        str(Shown(looks.reading.modality, options.bands)),
        own.parent.name if own.name == "model" else own.name, weights_fingerprint(folder), about,
        notes,
    )  # fmt: skip


def _chosen(
    options: "ExplainOptions", samples: SeedDataset, split_file: Path
) -> tuple[list[int], list[str]]:
    """The samples to explain, and what a person should know of them."""
    if options.ids:
        wanted = [name.strip() for name in options.ids.split(",") if name.strip()]
        numbers = {name: i for i, name in reversed(list(enumerate(samples.keys)))}
        numbers |= {name: i for i, name in reversed(list(enumerate(samples.ids)))}
        if missing := [name for name in wanted if name not in numbers]:
            raise ConfigError(
                f"{options.data}: no sample is called {', '.join(missing)}; ids are such as "
                f"{', '.join(samples.ids[:3])}"
            )
        return [numbers[name] for name in dict.fromkeys(wanted)], []
    part, there, told = choose_part(options.part, samples, options.data, split_file)
    if not len(there):
        raise DataError(f"{options.data}: the part {part} is empty; choose another with --part")
    return _of_each(samples, there, options.count), [told] * bool(told)


def _of_each(samples: SeedDataset, there: Sequence[int], most: int) -> list[int]:
    """Some of the samples, of each label in turn; drawn alike each time, in order."""
    order = [there[i] for i in np.random.default_rng(0).permutation(len(there))]
    turn: dict[str | None, int] = {}
    ranked: list[tuple[int, int, int]] = []
    for number in order:
        label = samples.labels[number]
        turn[label] = turn.get(label, 0) + 1
        ranked.append((turn[label], len(ranked), number))
    return sorted(number for *_, number in sorted(ranked)[:most])


def places_of(
    reading: Reading, samples: SeedDataset, own_nm: Sequence[float] | None = None
) -> tuple[tuple[float, ...] | None, bool]:
    """Where channels lie, in nm or as numbers of bands, and whether that is nm.

    Args:
        reading: What is shown of the data.
        samples: The data.
        own_nm: Band centres of the model's sensor, which it is shown where missing bands are made
            up.
    """
    if reading.modality == "rgb":
        return None, False
    if reading.completion is not None and own_nm is not None:
        return tuple(own_nm), True
    nm = samples.wavelengths_nm
    where = [float(i) for i in range(samples.bands)] if nm is None else list(nm)
    if reading.weights is not None:
        found = [sum(weight * where[band] for band, weight in pairs) for pairs in reading.weights]
    else:
        found = where if reading.bands is None else [where[band] for band in reading.bands]
    return tuple(found), nm is not None


def _width(window: str, places: Sequence[float], in_nm: bool) -> float:
    """Of a window over channels, in the unit of `places`."""
    if window == "auto":
        return usual_width(places)
    if not window.endswith("nm"):  # so many channels
        step = (max(places) - min(places)) / max(1, len(places) - 1)
        return float(window) * (step or 1.0)
    if not in_nm:
        raise ConfigError(
            f"--window {window}: these data do not tell their wavelengths; give a number of bands"
        )
    return float(window.removesuffix("nm"))


def stand_ins(
    reference: Path | None, run: Path, about: Mapping[str, Any], samples: SeedDataset, looks: Looks
) -> tuple[StandIn | None, Tensor | None]:
    """What bands and tiles that are taken out become, of the best samples at hand.

    Args:
        reference: Samples that the user names.
        run: Folder of the fine-tuning run.
        about: What the model folder tells.
        samples: The data that are explained.
        looks: What the model is shown.

    Returns:
        For bands, None where none are shown; and the mean RGB image [3, H, H], None likewise.

    Raises:
        ConfigError: The reference is of another sensor.
    """
    known, words = samples, "of these data"
    numbers: Sequence[int] = range(len(samples))
    if reference is not None:
        known = open_dataset(reference, hs_size=samples.hs_size, rgb_size=samples.rgb_size)
        if reason := differs(known, samples):
            raise ConfigError(f"{reference}: no reference for these data: {reason}")
        numbers, words = range(len(known)), f"of {known.info.name or known.root.name}"
    else:
        fingerprint = about.get("data", {}).get("fingerprint")
        found = learned_from(run, fingerprint, samples) if fingerprint else None
        if found is not None:
            known, numbers, words = found[0], found[1], "that the model learned from"
    some = np.random.default_rng(0).permutation(len(numbers))[:REFERENCE]
    picked = sorted(numbers[int(i)] for i in some)
    words = f"{count(len(picked), 'sample')} {words}"
    return _learned(known, picked, replace(looks.reading, classes=None), words)


def _learned(
    known: SeedDataset, picked: Sequence[int], reading: Reading, words: str
) -> tuple[StandIn | None, Tensor | None]:
    total: Tensor | None = None

    def cubes() -> Iterator[Tensor]:
        nonlocal total
        for batch in seed_loader(known, picked, reading, batch_size=16):
            hs, rgb = batch.images(cut=False)
            if rgb is not None:
                own = rgb.double().sum(dim=0)
                total = own if total is None else total + own
            if hs is not None:
                yield hs

    stand_in = None
    if reading.modality == "rgb":
        list(cubes())
    else:
        stand_in = Expected.of(cubes(), words)
    return stand_in, None if total is None else (total / len(picked)).float()
