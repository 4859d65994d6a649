"""What `bimae bands` found, as tables on the screen."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

FEW_UNITS = 10  # an interval over fewer is a rough one


def tables(told: Mapping[str, Any]) -> str:
    """Importance of the groups; and where bands were chosen, these and how they do.

    Args:
        told: What `bands.json` says.
    """
    parts = [_importance(told)]
    if told["chosen"] is not None:
        parts += [_chosen(told), _test(told)]
    return "\n\n".join(parts)


def _importance(told: Mapping[str, Any]) -> str:
    from bimae.bench.table import Column, table

    found = told["importance"]
    rows = []
    for group in sorted(found["groups"], key=lambda row: row["rank"]):
        low, high = group["span"]
        bands = group["bands"].split(",")
        row = {
            "rank": group["rank"],
            "bands": "-".join(dict.fromkeys((bands[0], bands[-1]))),
            "nm": f"{low:.0f}-{high:.0f} nm" if told["unit"] == "nm" else None,
        }
        for key in ("log_loss", "accuracy", "macro_f1"):
            row[key] = f"{group[key]['mean']:+.3f} \u00b1 {group[key]['spread']:.3f}"
        rows.append(row)
    columns = [
        Column("rank", "rank"),
        Column("bands", "bands"),
        Column("nm", "range"),
        Column("log_loss", "log-loss rises"),
        Column("accuracy", "accuracy falls"),
        Column("macro_f1", "macro-F1 falls"),
    ]
    before = found["nothing_exchanged"]
    seen = "SEEN IN TRAINING, " * (found["part"] == "train")
    return (
        f"{_simulated(told)}{seen}importance of bands {_beside(told)}, {found['part']} part "
        f"({found['samples']} samples; accuracy {before['accuracy']:.3f}, "
        f"macro-F1 {before['macro_f1']:.3f}, log-loss {before['log_loss']:.3f}): mean and "
        f"deviation over {found['repeats']} permutations\n" + table(rows, columns)
    )


def _chosen(told: Mapping[str, Any]) -> str:
    from bimae.bench.table import Column, table

    chosen = told["chosen"]
    filters = chosen["bands"][0]["filter"]
    columns = [
        Column("rank", "rank"),
        *([] if filters else [Column("bands", "band")]),
        Column("wavelength_nm", "centre (nm)", "{:.1f}".format),
        Column("width_nm", "width (nm)", "{:.1f}".format),
        Column("log_loss", "val log-loss with it", "{:.3f}".format),
    ]
    what = "filters" if filters else "bands"
    return (
        f"{_simulated(told)}{what} chosen on the val part ({chosen['samples']} samples) of "
        f"{len(chosen['candidates'])} candidates, {_beside(told)}\n"
        f"{table(chosen['bands'], columns)}\n"
        f"as --bands of bimae evaluate --modality {told['modality']}: {chosen['selection']}"
    )


def _test(told: Mapping[str, Any]) -> str:
    from bimae.bench.table import Column, table

    found, count = told["test"], len(told["chosen"]["bands"])
    draws = found["bootstrap"]
    rows = [
        _row(f"{count} chosen", found["chosen"]),
        _row(f"{count} equally spaced", found["equally_spaced"]),
        _spread(f"{count} at random, {len(found['random'])} sets", found["random"]),
        _row("all bands", found["all"]),
        _row("chosen - equally spaced", found["chosen_minus_equally_spaced"], "{:+.3f}"),
    ]
    columns = [
        Column("set", "bands"),
        Column("accuracy", "accuracy"),
        Column("macro_f1", "macro-F1"),
    ]
    lines = [
        f"{_simulated(told)}test part ({found['samples']} samples): value, and "
        f"{draws['level']:.0%} interval of {draws['draws']} bootstrap draws of its "
        f"{draws['units']} {draws['of']} (of random sets: mean and deviation over the sets)",
        table(rows, columns),
    ]
    if draws["one_group"]:
        lines.append("note: all are of one group; the intervals say nothing of other groups")
    if draws["units"] < FEW_UNITS:
        lines.append(f"note: intervals over {draws['units']} {draws['of']} are rough")
    return "\n".join(lines)


def _row(name: str, found: Mapping[str, Any], form: str = "{:.3f}") -> dict[str, str]:
    row = {"set": name}
    for key in ("accuracy", "macro_f1"):
        value, low, high = (form.format(found[key][which]) for which in ("value", "low", "high"))
        row[key] = f"{value} ({low} to {high})"
    return row


def _spread(name: str, sets: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    row = {"set": name}
    for key in ("accuracy", "macro_f1"):
        values = [one[key]["value"] for one in sets]
        spread = f" \u00b1 {stdev(values):.3f}" if len(values) > 1 else ""
        row[key] = f"{mean(values):.3f}{spread}"
    return row


def _beside(told: Mapping[str, Any]) -> str:
    return "beside RGB" if told["modality"] == "bimodal" else "alone"


def _simulated(told: Mapping[str, Any]) -> str:
    return "SIMULATED DATA, " if told["simulated"] else ""
