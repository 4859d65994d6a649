"""Fits of a blink: two sorts of seeds that differ in brightness, sizes that learn them at once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.sklearn.small import cubes_of


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other take longer than such small products."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def spectra() -> tuple[Any, Any]:
    """[24, 5] spectra of two sorts, and their names."""
    cubes, y = cubes_of(24, bands=5, side=1)
    return cubes[:, 0, 0], y


@pytest.fixture
def views() -> tuple[dict[str, Any], Any]:
    """24 cubes of 3x3 pixels and five bands, RGB of 8x8, and the names of their sorts."""
    cubes, y = cubes_of(24, bands=5, side=3)
    grey = np.repeat((y == "pale")[:, None, None, None] * 0.5, 8, axis=1)
    rgb = np.broadcast_to(grey + 0.25, (24, 8, 8, 3)).astype(np.float32)
    return {"hs": cubes, "rgb": rgb}, y
