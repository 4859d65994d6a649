"""What every test may ask for."""

from pathlib import Path

import pytest
from hypothesis import settings

# Time is measured in bench/, not in tests: these machines are shared.
settings.register_profile("bimae", deadline=None)
settings.load_profile("bimae")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder shared/ beside the repository, with fixtures that other programs wrote."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: fixtures written by other programs are not tested")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder for each test, so that none sees what another one indexed."""
    monkeypatch.setenv("BIMAE_CACHE", str(tmp_path_factory.mktemp("cache")))
