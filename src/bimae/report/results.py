"""What a tested classifier leaves behind: figures for machines, tables and pictures for people."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path

from bimae.evaluate.classification import Predictions, Results, score
from bimae.report import figures
from bimae.report.own_folder import check_folder
from bimae.storage import write_text

RECORD, PICTURE, TABLE = "results.json", "confusion_matrix.png", "predictions.csv"


def check_out(out: Path, *, overwrite: bool = False) -> None:
    """See `check_folder`."""
    check_folder(out, (RECORD, PICTURE, TABLE), RECORD, None, overwrite=overwrite)


def write_results(
    folder: Path, predictions: Predictions, *, part: str, data: str, simulated: bool
) -> Results:
    """Writes `results.json`, `confusion_matrix.png` and `predictions.csv`.

    Args:
        folder: Where to.
        predictions: The classifier's answers on a labelled part.
        part: Which part it was: test, val, train or all.
        data: What the data are called.
        simulated: Whether the data are simulated; then every file says so.

    Returns:
        The figures.
    """
    results = score(predictions)
    summary = {
        "data": data,
        "simulated": simulated,
        "part": part,
        "samples": results.samples,
        "accuracy": results.accuracy,
        "macro_f1": results.macro_f1,
        "per_class": [asdict(row) for row in results.per_class],
        "confusion_matrix": results.confusion.tolist(),
    }
    write_text(folder / RECORD, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    title = f"{data}, {part}: {results.accuracy:.1%} of {results.samples} right"
    if part == "train":
        title = f"SEEN IN TRAINING - {title}"
    if simulated:
        title = f"SIMULATED DATA - {title}"
    figures.save(figures.confusion(results, title), folder / PICTURE)
    write_text(folder / TABLE, _table(predictions))
    return results


def _table(predictions: Predictions) -> str:
    """One row per sample: id, truth, answer, its probability, and every class's."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"p({name})" for name in predictions.classes]
    writer.writerow(["id", "label", "predicted", "correct", "probability", *names])
    rows = zip(
        predictions.keys,
        predictions.truth,
        predictions.predicted,
        predictions.probabilities,
        strict=True,
    )
    for key, truth, predicted, probabilities in rows:
        writer.writerow(
            [
                key,
                predictions.classes[truth],
                predictions.classes[predicted],
                "yes" if truth == predicted else "no",
                f"{probabilities[predicted]:.4f}",
                *(f"{p:.4f}" for p in probabilities),
            ]
        )
    return text.getvalue()
