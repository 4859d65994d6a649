"""Holds the imports to the table of docs/architecture.md: data flows down the rooms, never up."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "bimae"

# room: rooms that it may import
ALLOWED = {
    "errors": set(),
    "storage": set(),
    "spectra": {"errors"},
    "data": {"errors", "storage", "spectra"},
    "model": {"errors", "storage", "spectra"},
    "train": {"errors", "storage", "spectra", "data", "model"},
    "evaluate": {"errors", "storage", "spectra", "data", "model"},
    "predict": {"errors", "storage", "spectra", "data", "model", "evaluate"},
    "explain": {"errors", "storage", "spectra", "data", "model", "evaluate", "predict"},
    "report": {"errors", "storage", "spectra", "data", "model", "evaluate", "predict"}
    | {"explain"},
    "export": {"errors", "storage", "spectra", "data", "model", "evaluate", "predict"},
    "serve": {"errors", "storage", "spectra", "data", "model", "evaluate", "predict"}
    | {"explain", "report"},
    "study": {"errors", "storage", "spectra", "data", "report"},
    "bench": {"errors", "storage", "spectra", "data", "model", "train", "evaluate", "export"},
    "sklearn": {"errors", "storage", "spectra", "data", "model", "train", "evaluate", "predict"},
    "cli": {"errors", "storage", "spectra", "data", "model", "train", "evaluate"}
    | {"predict", "explain", "export", "report", "serve", "bench", "study"},
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "misc"}


def _room(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def _imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "bimae":
                names = [f"bimae.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("bimae.")}
    return {room for room in rooms if not room.startswith("__")}


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = _room(path)
    if room in ("__init__", "__main__"):
        assert _imported_rooms(path) <= ({"cli"} if room == "__main__" else set())
        return
    assert room in ALLOWED, f"{room} has no place in the table"
    assert _imported_rooms(path) - {room} <= ALLOWED[room]


def test_no_room_for_odds_and_ends() -> None:
    names = {part.removesuffix(".py") for path in FILES for part in path.relative_to(SOURCE).parts}
    assert not names & FORBIDDEN_NAMES


def test_only_the_command_line_prints_or_reads_argv() -> None:
    for path in FILES:
        if _room(path) == "cli":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"print", "input", "exit"}, path
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not attributes & {"argv", "exit"}, path


def test_nothing_unpickles_what_strangers_made() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text, path
        assert "allow_pickle=True" not in text, path
        assert "weights_only=False" not in text, path


def test_the_page_shows_the_same_rooms() -> None:
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    for room in ALLOWED:
        assert f"`{room}" in page, f"docs/architecture.md does not speak of {room}"
