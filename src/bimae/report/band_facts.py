"""What a ranking of bands found, as JSON values and as a table for other programs."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bimae.evaluate.band_cameras import DRAWS, LEVEL, Camera, Comparison, units
from bimae.evaluate.band_candidates import Candidates
from bimae.evaluate.band_ranking import Choice, Importance

COLUMNS = ("rank", "kind", "bands", "wavelength_nm", "width_nm", "log_loss", "simulated")


def group_facts(
    found: Sequence[Importance],
    bands: Sequence[int],
    places: Sequence[tuple[float, float]],
    *,
    in_nm: bool,
) -> list[dict[str, Any]]:
    """A row for each group, in order of place; `rank` 1 is that which log-loss needs most.

    Args:
        found: The groups.
        bands: Band of each channel.
        places: Where each channel lies and how wide it is, in nm or in bands.
        in_nm: Whether it is nm.
    """
    order = sorted(range(len(found)), key=lambda i: -found[i].mean.log_loss)
    rows = []
    for number, group in enumerate(found):
        (first, before), (last, after) = (places[group.channels[i]] for i in (0, -1))
        low, high = first - before / 2, last + after / 2
        mean, spread = asdict(group.mean), asdict(group.spread)
        rows.append(
            {
                "rank": order.index(number) + 1,
                "bands": ",".join(str(bands[channel]) for channel in group.channels),
                "wavelength_nm": round((low + high) / 2, 2) if in_nm else None,
                "width_nm": round(high - low, 2) if in_nm else None,
                "span": [low, high],
                **{key: {"mean": mean[key], "spread": spread[key]} for key in mean},
            }
        )
    return rows


def choice_facts(
    candidates: Candidates, choices: Sequence[Choice], *, samples: int, filters: bool
) -> dict[str, Any]:
    """The chosen bands or filters, in the order chosen, and what they were chosen from.

    Args:
        candidates: What was chosen from.
        choices: Channels of these.
        samples: Size of the val part.
        filters: Whether they are filters.
    """
    nm, wide = candidates.nm, candidates.widths_nm
    rows = [
        {
            "rank": rank,
            "bands": candidates.texts[i],
            "wavelength_nm": None if nm is None else round(nm[i], 2),
            "width_nm": None if wide is None else round(wide[i], 2),
            "log_loss": choice.log_loss,
            "place": candidates.channels.bands[i] if nm is None else nm[i],
            "filter": filters,
        }
        for rank, choice in enumerate(choices, start=1)
        for i in (choice.channel,)
    ]
    return {
        "part": "val",
        "samples": samples,
        "candidates": list(candidates.texts),
        "selection": candidates.selection([choice.channel for choice in choices]),
        "bands": rows,
    }


def comparison_facts(
    candidates: Candidates, found: Comparison, groups: Sequence[str | None]
) -> dict[str, Any]:
    """The figures of the test part.

    Args:
        candidates: Of which the sets are.
        found: The sets.
        groups: Group of each sample, or None.
    """

    def row(camera: Camera) -> dict[str, Any]:
        shown = "all" if camera.channels is None else candidates.selection(camera.channels)
        accuracy, macro_f1 = asdict(camera.accuracy), asdict(camera.macro_f1)
        return {"bands": shown, "accuracy": accuracy, "macro_f1": macro_f1}

    drawn = len(set(units(groups).tolist()))
    return {
        "samples": len(groups),
        "bootstrap": {
            "draws": DRAWS,
            "level": LEVEL,
            "of": "groups" if drawn < len(groups) else "samples",
            "units": drawn,
            "one_group": len(set(groups)) == 1 and groups[0] is not None,
        },
        "chosen": row(found.chosen),
        "equally_spaced": row(found.spaced),
        "random": [row(camera) for camera in found.random],
        "all": row(found.whole),
        "chosen_minus_equally_spaced": {
            "accuracy": asdict(found.accuracy),
            "macro_f1": asdict(found.macro_f1),
        },
    }


def band_table(told: Mapping[str, Any]) -> str:
    """`bands.csv`: chosen bands by rank, or where none were, groups by importance.

    `log_loss` is, of a chosen band, that of the set with it; of a group, how much it rises.
    """
    chosen = told["chosen"]
    ranked = sorted(told["importance"]["groups"], key=lambda row: row["rank"])
    rows: Sequence[Mapping[str, Any]] = (
        chosen["bands"]
        if chosen
        else [{**row, "log_loss": row["log_loss"]["mean"]} for row in ranked]
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    kind = "chosen" if chosen else "group"
    simulated = "yes" if told["simulated"] else "no"
    for row in rows:
        writer.writerow({**row, "kind": kind, "simulated": simulated})
    return text.getvalue()
