"""A purity report for machines: all figures as JSON, every seed as a row of a table."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import bimae
from bimae.predict.lot_figures import Plan, Species
from bimae.predict.melding import Share
from bimae.predict.purity import Corrected, Counts, Purity
from bimae.predict.rows import Columns, Known, rows
from bimae.predict.stream import seeds_on_trays
from bimae.predict.writers import encoded, heading
from bimae.report.purity.facts import Facts
from bimae.report.purity.reference import Reference
from bimae.report.purity.words import NOTICE, SIMULATED

FORMAT = "bimae purity report"
VERSION = 1  # of report.json; another where a name that was there means something else


def as_json(
    facts: Facts, reference: Reference, weights: Mapping[str, float] | None
) -> dict[str, Any]:
    """All figures of a report; plain values."""
    figures, made = facts.figures, facts.calibrated
    settled, answered = figures.purity.settled, figures.purity.answered
    samples, info = facts.samples, facts.samples.info
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": facts.title,
        "notice": NOTICE,
        "simulated": list(facts.simulated),
        "made": facts.made,
        "bimae": bimae.__version__,
        "reliable": not facts.grave,
        "warnings": list(facts.warnings),
        "grave_warnings": list(facts.grave),
        "crop": figures.crop,
        "level": facts.level,
        "counts": {**_counts(figures.answers), "doubtful": figures.doubtful,
                   "doubtful_crop": figures.doubtful_crop,
                   "to_look_at": int(facts.lot.to_look_at.sum())},
        "purity_by_number": {
            "rejected_not_the_crop": _purity(settled),
            "rejected_left_out": None if answered is None else _purity(answered),
            "not_corrected_because": figures.uncorrected or None,
        },
        "purity_by_weight": None if figures.weight is None else {
            **_share(figures.weight), "thousand_seed_weight_g": dict(weights or {}),
        },
        "species": [_species(one) for one in figures.species],
        "species_not_found": list(figures.absent),
        "sample_size": _plan(figures.plan),
        "doubtful_below": facts.lot.sure,
        "check": None if figures.check is None else {
            "crop": _counts(figures.check.crops), "others": _counts(figures.check.others),
        },
        "model": {
            "name": facts.model,
            "sha256_12": facts.fingerprint,
            "made": facts.about.get("made"),
            "classes": list(facts.lot.classes),
            "shown": facts.shown,
            "learned_from": facts.about.get("data"),
        },
        "calibration": None if made is None else {
            "data": facts.calibration,
            "temperature": made.temperature,
            "lapse": made.lapse,
            "alpha": made.conformal.alpha,
            "coverage": facts.checked.get("coverage"),
            "rejected_by": made.score,
            "rejected_asked_for": made.reject.share,
            "rejected_in_check": facts.checked.get("rejected"),
            "confusion": facts.checked.get("confusion"),
        },
        "lot": {
            "name": facts.name,
            "fingerprint": samples.fingerprint,
            "seeds": len(samples),
            "groups": len({group for group in samples.groups if group is not None}),
            "bands": samples.bands,
            "wavelengths_nm": samples.wavelengths_nm,
            **{key: value for key, value in asdict(info).items() if key in _TOLD},
        },
        "mean_spectra": {"of": reference.words, "seeds": dict(reference.seeds)},
    }  # fmt: skip


_TOLD = ("simulated", "source", "sensor", "unit", "rgb")


def as_csv(facts: Facts) -> bytes:
    """One row per seed: as `bimae predict` writes it, whether to look at it and why, the notice.

    The notice is a column, since programs that read CSV know no title.
    """
    samples, lot = facts.samples, facts.lot
    seeds = seeds_on_trays(samples.root)
    judged = None if facts.calibrated is None else lot.judged
    columns = Columns(
        lot.classes,
        group=any(group is not None for group in samples.groups),
        tray=any(name in seeds for name in samples.ids),
        judged=judged is not None,
    )
    known = [
        Known(key, group, *seeds.get(name, (None, None)))
        for key, group, name in zip(samples.keys, samples.groups, samples.ids, strict=True)
    ]
    notice = f"{SIMULATED}; " * bool(facts.simulated) + NOTICE
    told = rows(columns, known, lot.judged.probabilities, judged)
    names = [*columns.kinds(), "look_at", "notice"]
    lines = ([*row, why(facts, number), notice] for number, row in enumerate(told))
    return heading("csv", names) + encoded("csv", names, lines)


def why(facts: Facts, number: int) -> str:
    """Why a person should look at a seed: `rejected`, `other`, `doubtful`, or nothing."""
    lot = facts.lot
    if lot.judged.rejected[number]:
        return "rejected"
    found = (("other", lot.other[number]), ("doubtful", lot.doubtful[number]))
    return " ".join(name for name, is_so in found if is_so)


def _counts(answers: Counts) -> dict[str, int]:
    return {
        "seeds": answers.seeds,
        "crop": answers.crop,
        "other": answers.other,
        "rejected": answers.unknown,
    }


def _share(share: Share) -> dict[str, float]:
    return {"value": share.value, "low": share.low, "high": share.high}


def _purity(purity: Purity) -> dict[str, Any]:
    return {
        "seeds": purity.seeds,
        "as_called": _share(purity.called),
        "corrected": None if purity.corrected is None else _corrected(purity.corrected),
    }


def _corrected(found: Corrected) -> dict[str, Any]:
    return {
        **_share(found.purity),
        "sensitivity": _share(found.sensitivity),
        "specificity": _share(found.specificity),
        "agrees": found.agrees,
    }


def _species(one: Species) -> dict[str, Any]:
    def of(pair: tuple[int, int] | None) -> dict[str, int] | None:
        return None if pair is None else {"seeds": pair[0], "of": pair[1]}

    return {
        "name": one.name,
        "seeds": one.seeds,
        "share": _share(one.share),
        "in_check": {
            "crop_called_this": of(one.crop_called_this),
            "this_called_crop": of(one.called_crop),
        },
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "seeds": plan.seeds,
        "half_width": plan.within,
        "asked_half_width": plan.half_width,
        "seeds_needed": plan.needed,
        "not_to_be_had_because": plan.why or None,
        "seeds_needed_if_it_never_erred": plan.needed_without_mistakes,
    }
