import pytest

from bimae.errors import ConfigError
from bimae.train.processes import Processes

NAMES = (
    "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_RANK",
    "SLURM_PROCID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_LOCALID",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_alone() -> None:
    assert Processes.of_environment() == Processes(0, 1, 1, 0)
    assert Processes().first


def test_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES[:4], ("5", "8", "4", "1"), strict=True):
        monkeypatch.setenv(name, value)
    found = Processes.of_environment()
    assert found == Processes(rank=5, count=8, nodes=2, local_rank=1)
    assert not found.first


def test_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES[4:], ("0", "6", "3", "0"), strict=True):
        monkeypatch.setenv(name, value)
    assert Processes.of_environment() == Processes(rank=0, count=6, nodes=2, local_rank=0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("8", "8", "4", "0"), "RANK=8, WORLD_SIZE=8"),
        (("0", "3", "2", "0"), "LOCAL_WORLD_SIZE=2"),
        (("0", "two", "1", "0"), "WORLD_SIZE=two: a whole number"),
    ],
)
def test_numbers_that_do_not_go_together(
    monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...], told: str
) -> None:
    for name, value in zip(NAMES[:4], values, strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        Processes.of_environment()
