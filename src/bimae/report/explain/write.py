"""A report of explanations on disk: all of its files or none."""

import json
import re
from pathlib import Path

from bimae.report.explain.facts import Facts
from bimae.report.explain.figure import sample_figure
from bimae.report.explain.gallery import Counted, cards
from bimae.report.explain.page import draw_page
from bimae.report.explain.record import FORMAT, as_json
from bimae.report.own_folder import check_folder
from bimae.storage import atomic_folder

PAGE, RECORD, PICTURES = "report.html", "explain.json", "pictures"


def check_out(out: Path, *, overwrite: bool = False) -> None:
    """See `check_folder`."""
    check_folder(out, (PAGE, RECORD, PICTURES), RECORD, FORMAT, overwrite=overwrite)


def write_explained(out: Path, facts: Facts, *, counted: Counted = iter) -> None:
    """Writes a report; an earlier one is replaced.

    Args:
        out: The folder.
        facts: What it is made of.
        counted: Wraps the samples while they are drawn, for a progress bar.

    Raises:
        DataError: An image cannot be read.
    """
    drawn = cards(facts, counted)
    html = draw_page(facts, drawn)
    record = json.dumps(as_json(facts), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_folder(out) as folder:
        # Names of files may hold bytes that are no UTF-8.
        (folder / RECORD).write_text(record + "\n", encoding="utf-8", errors="replace")
        (folder / PAGE).write_text(html, encoding="utf-8")
        (folder / PICTURES).mkdir()
        for card, one in zip(drawn, facts.explained, strict=True):
            figure = sample_figure(facts, card, one)
            figure.savefig(folder / PICTURES / _picture(card.place, card.id), dpi=110,
                           metadata={"Software": None})  # fmt: skip


def _picture(place: int, name: str) -> str:
    """`003-seed-17.png`: an id may be no name for a file."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip("-.")
    return f"{place:03d}-{plain}.png" if plain else f"{place:03d}.png"
