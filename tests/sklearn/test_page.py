"""docs/scikit-learn.md, run as it stands but for the numbers of epochs."""

import inspect
import re
import shlex
from pathlib import Path

from bimae.cli import main
from bimae.sklearn import BiMAEClassifier, classifier

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scikit-learn.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [kind for kind, _ in blocks].count("python") >= 4
    for kind, text in blocks:
        if kind == "sh":
            for line in text.splitlines():
                assert main.run(shlex.split(line)[1:]) == 0
        else:
            exec(re.sub(r"epochs=\d+", "epochs=1", text), names)
    same, own = names["same"], names["classifier"]
    assert isinstance(same, BiMAEClassifier) and isinstance(own, BiMAEClassifier)
    assert same.get_params() == own.get_params()


def test_every_parameter_is_described():
    told = inspect.getdoc(classifier.BiMAEClassifier) or ""
    for name in BiMAEClassifier().get_params():
        assert re.search(rf"^ *{name}: ", told, re.MULTILINE), name
