from pathlib import Path

import pytest

from bimae.storage import atomic_folder, atomic_path, write_text


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    write_text(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    assert path.stat().st_mode & 0o444 == 0o444


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".txt"
        raise RuntimeError
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_appears_and_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for text in ("one", "two"):
        with atomic_folder(path) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / text).write_text(text)
    assert [p.name for p in (path / "sub").iterdir()] == ["two"]
    with pytest.raises(RuntimeError), atomic_folder(path) as temporary:
        (temporary / "half").write_text("")
        raise RuntimeError
    assert [p.name for p in (path / "sub").iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
