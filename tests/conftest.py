"""What every test may ask for."""

import shutil
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bimae.data import DatasetInfo, write_tfrecords
from bimae.data.simulate import simulate_samples, wavelengths

# Time is measured in bench/, not in tests: these machines are shared.
settings.register_profile("bimae", deadline=None)
settings.load_profile("bimae")

DiskUsage = namedtuple("DiskUsage", "total used free")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder shared/ beside the repository, with fixtures that other programs wrote."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: fixtures written by other programs are not tested")
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache folder for each test, so that none sees what another one indexed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("BIMAE_CACHE", folder)
        yield


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with room for copies: tests count them, and none are kept on one that is full."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**12, 0, 10**12))


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """76 small simulated seeds: 12 bands of 8x8, RGB 48x48 (four tiles of 24)."""
    folder = tmp_path_factory.mktemp("small") / "data"
    samples = simulate_samples(per_class=4, bands=12, hs_size=8, rgb_size=48, seeds_per_tray=4)
    write_tfrecords(folder, samples)
    info = DatasetInfo("small simulated seeds", simulated=True, wavelengths_nm=wavelengths(12))
    info.save(folder)
    return folder
