import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from bimae.evaluate.classification import Predictions, score
from bimae.report.results import write_results


def predictions(seed: int = 0, missing: bool = False) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3 if missing else 4, 60)
    probabilities = rng.dirichlet(np.ones(5), 60).astype(np.float32)
    probabilities[:, 4] = 0  # a class that is neither there nor said
    return Predictions(tuple("abcde"), [str(i) for i in range(60)], truth, probabilities)


@pytest.mark.parametrize("missing", [False, True])
def test_figures_agree_with_scikit_learn(missing: bool) -> None:
    given = predictions(missing=missing)
    results = score(given)
    assert results.accuracy == accuracy_score(given.truth, given.predicted)
    expected = f1_score(given.truth, given.predicted, average="macro")
    assert results.macro_f1 == pytest.approx(expected)
    assert results.confusion.sum() == results.samples == 60
    assert [row.support for row in results.per_class] == results.confusion.sum(axis=1).tolist()


def test_what_is_simulated_says_so(tmp_path: Path) -> None:
    write_results(tmp_path, predictions(), part="test", data="seeds", simulated=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "confusion_matrix.png",
        "predictions.csv",
        "results.json",
    ]
    assert json.loads((tmp_path / "results.json").read_text())["simulated"] is True
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert lines[0].startswith("id,label,predicted,correct,probability,p(a)")
    assert len(lines) == 61
