"""Training from object storage, through the front door."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from bimae.data import open_dataset
from tests.cli.run import FAST, mistakes, rows, run


@pytest.fixture
def bucket(small_data: Path) -> Iterator[str]:
    """Three shards, with their description, at an address."""
    memory = fsspec.filesystem("memory")
    (shard,) = small_data.glob("*.tfrecord")
    for number in range(3):
        memory.pipe(f"/seeds/part-{number}.tfrecord", shard.read_bytes())
    memory.pipe("/seeds/dataset.json", (small_data / "dataset.json").read_bytes())
    yield "memory://seeds"
    memory.rm("/seeds", recursive=True)


def test_training_from_an_address(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(capsys, "pretrain", f"--data={bucket}", f"--out={tmp_path / 'a'}", *FAST)
    assert whole.code == 0, whole.err
    # a cache for one shard and a half: they come and go
    size = len(fsspec.filesystem("memory").cat("/seeds/part-0.tfrecord"))
    monkeypatch.setenv("BIMAE_CACHE", str(tmp_path / "small cache"))
    monkeypatch.setenv("BIMAE_CACHE_LIMIT", str(1.5 * size / 1e9))
    samples = open_dataset(bucket)
    assert samples.shards_at_once == 1
    assert [samples.shard_of(i) for i in (0, 75, 76, -1)] == [0, 0, 1, 2]
    again = run(capsys, "pretrain", f"--data={bucket}", f"--out={tmp_path / 'b'}", *FAST)
    assert again.code == 0, again.err
    kept = sum(p.stat().st_size for p in (tmp_path / "small cache").rglob("*.tfrecord"))
    assert kept <= 1.5 * size
    for row, other in zip(*(rows(tmp_path / n / "metrics.csv") for n in "ab"), strict=True):
        assert float(row["val_loss"]) == pytest.approx(float(other["val_loss"]), rel=0.2)


def test_addresses_with_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = mistakes(run(capsys, "pretrain", "--data=memory://nothing/here"))
    assert "memory://nothing/here" in line
    (line,) = mistakes(run(capsys, "pretrain", "--data=sftp2://x/y"))
    assert "sftp2" in line


def test_the_other_verbs_read_addresses(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "data", "check", bucket)
    assert ran.code == 0, ran.err
    assert "151 more records" in ran.out  # three copies of every sample, which is what it finds
    (line,) = mistakes(run(capsys, "data", "split", bucket))
    assert line.startswith(f"bimae data split: {bucket}: nothing is written to an address")
    out = tmp_path / "split.json"
    assert run(capsys, "data", "split", bucket, f"--out={out}").code == 0
    assert out.is_file()
    run_folder = tmp_path / "a"
    words = ("pretrain", f"--data={bucket}", f"--out={run_folder}", "--epochs=1", *FAST[1:])
    assert run(capsys, *words).code == 0
    assert f"data: {bucket}" in (run_folder / "config.yaml").read_text()
    again = run(
        capsys, "pretrain", f"--config={run_folder / 'config.yaml'}", f"--out={tmp_path / 'b'}"
    )
    assert again.code == 0, again.err
