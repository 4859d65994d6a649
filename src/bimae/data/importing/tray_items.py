"""Trays and archives of one seed: found in one step, cut in another."""

from pathlib import Path
from typing import Any

from bimae.data.cubes.cube import Cube
from bimae.data.importing.items import Item
from bimae.data.importing.settings import ImportSettings


def find_tray(item: Item, settings: ImportSettings, target: Path) -> dict[str, Any]:
    raise NotImplementedError


def cut_tray(
    item: Item, settings: ImportSettings, found: Path, numbers: tuple[int, ...], side: int
) -> Any:
    raise NotImplementedError


def read_archive(item: Item, settings: ImportSettings) -> Any:
    raise NotImplementedError


def count_objects(cube: Cube) -> int:
    return 1
