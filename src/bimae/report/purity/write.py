"""A purity report on disk: all of its files or none."""

import json
from collections.abc import Mapping
from pathlib import Path

from bimae.report.explain import Facts as Explanations
from bimae.report.own_folder import check_folder
from bimae.report.purity.facts import Facts
from bimae.report.purity.gallery import Counted, draw_gallery
from bimae.report.purity.page import draw_page
from bimae.report.purity.pdf import print_pdf
from bimae.report.purity.record import FORMAT, as_csv, as_json
from bimae.report.purity.reference import Reference
from bimae.storage import atomic_folder

PAGE, RECORD, SEEDS, PAPER = "report.html", "report.json", "seeds.csv", "report.pdf"
PRINTED = "paper.html"  # only while it is printed
FILES = (PAGE, PAPER, RECORD, SEEDS)


def check_out(out: Path, *, overwrite: bool = False) -> None:
    """See `check_folder`."""
    check_folder(out, FILES, RECORD, FORMAT, overwrite=overwrite)


def write_report(
    out: Path,
    facts: Facts,
    reference: Reference,
    *,
    most: int,
    weights: Mapping[str, float] | None = None,
    browser: str | None = None,
    explained: Explanations | None = None,
    counted: Counted = iter,
) -> str:
    """Writes a report; an earlier one is replaced.

    Args:
        out: The folder.
        facts: What it is made of.
        reference: Mean spectra.
        most: How many seeds to draw.
        weights: Grams per thousand seeds of each species.
        explained: What carried the answers to the seeds that are drawn, if that is to be told.
        browser: What prints the PDF; None: none is made.
        counted: Wraps the seeds that are drawn, for a progress bar.

    Returns:
        Why there is no PDF, where one was asked for; else empty.

    Raises:
        DataError: An image cannot be read.
    """
    unit = facts.samples.info.unit or "value as stored"
    gallery = draw_gallery(
        facts.samples,
        facts.lot,
        reference,
        most=most,
        value=unit,
        explained=explained,
        counted=counted,
    )
    html = draw_page(facts, gallery, reference, weights, explained)
    record = json.dumps(
        as_json(facts, reference, weights), indent=2, ensure_ascii=False, allow_nan=False
    )
    reason = ""
    with atomic_folder(out) as folder:
        # Names of files may hold bytes that are no UTF-8.
        (folder / RECORD).write_text(record + "\n", encoding="utf-8", errors="replace")
        (folder / SEEDS).write_bytes(as_csv(facts))
        (folder / PAGE).write_text(html, encoding="utf-8")
        if browser is not None:
            paper = html
            if explained is not None:  # maps are most of its size
                paper = draw_page(facts, gallery.on_paper(), reference, weights, explained)
            (folder / PRINTED).write_text(paper, encoding="utf-8")
            reason = print_pdf(browser, folder / PRINTED, folder / PAPER)
            (folder / PRINTED).unlink()
    return reason
