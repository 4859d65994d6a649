"""Models on the Hugging Face Hub, with a library that has no network."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from bimae.errors import ModelError
from bimae.model import BiMAE, hub, model_folder, results_folder
from tests.model.small import CONFIG


class Library(ModuleType):
    """Stands for huggingface_hub; remembers what it was asked for."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__("huggingface_hub")
        self.folder = folder
        self.asked: list[Any] = []

    def snapshot_download(self, name: str, **given: Any) -> str:
        self.asked.append((name, given))
        if self.folder is None:
            raise OSError("no route\nto host")
        return str(self.folder)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    hub._snapshot.cache_clear()
    yield
    hub._snapshot.cache_clear()


def library(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> Library:
    found = Library(folder)
    monkeypatch.setitem(sys.modules, "huggingface_hub", found)
    return found


@pytest.mark.parametrize("address", ["hf://lab/seeds@v1", Path("hf://lab/seeds@v1")])
def test_a_model_is_fetched_once_and_only_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: Path | str
) -> None:
    model = BiMAE(CONFIG)
    model.save_pretrained(tmp_path / "m")
    asked = library(monkeypatch, tmp_path / "m").asked
    found = BiMAE.from_pretrained(address)
    assert all(torch.equal(v, found.state_dict()[k]) for k, v in model.state_dict().items())
    assert model_folder(address) == tmp_path / "m"
    assert results_folder(address) == Path()  # not among what the Hub's library keeps
    assert results_folder(tmp_path / "m") == tmp_path
    ((name, given),) = asked
    assert (name, given["revision"]) == ("lab/seeds", "v1")
    assert {"config.json", "model.safetensors"} <= set(given["allow_patterns"])
    assert not any(
        "*" in pattern or pattern.endswith((".bin", ".pt")) for pattern in given["allow_patterns"]
    )


def test_what_goes_wrong_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(monkeypatch, None)
    with pytest.raises(
        ModelError, match=r"^hf://lab/seeds: cannot be fetched \(OSError: no route to"
    ):
        model_folder("hf://lab/seeds")
    with pytest.raises(ModelError, match="expected hf://owner/name"):
        model_folder("hf://seeds")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"pip install 'bimae\[hub\]'"):
        model_folder("hf://lab/other")


def test_a_mistyped_folder_asks_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = library(monkeypatch, tmp_path).asked
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="runs/b: does not exist"):
        model_folder("runs/b")
    assert asked == []
