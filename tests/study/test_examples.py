from pathlib import Path

import pytest

from bimae.cli.study import judge
from bimae.study.check import options_problems
from bimae.study.read import read_study

STUDIES = sorted((Path(__file__).resolve().parents[2] / "studies").glob("*.yaml"))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "studies.md"


def test_there_are_examples() -> None:
    assert len(STUDIES) >= 3


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_an_example_has_no_mistake_but_missing_data(path: Path) -> None:
    study, problems = read_study(path)
    assert problems == []
    assert list(options_problems(study, judge)) == []


def test_the_example_of_the_page(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    study, problems = read_study(tmp_path / "s.yaml")
    assert problems == []
    assert list(options_problems(study, judge)) == []
