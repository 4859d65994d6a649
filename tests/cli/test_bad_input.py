"""What a user can get wrong about data: one line, exit 2, nothing half-written."""

import re
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimae.data import write_tfrecords
from tests.cli.run import mistakes, run
from tests.data.small_samples import features, sample, write_records


def truncated(folder: Path, good: bytes) -> None:
    (folder / "a.tfrecord").write_bytes(good[: len(good) // 2])


def flipped(folder: Path, good: bytes) -> None:
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 4
    (folder / "a.tfrecord").write_bytes(bad)


def empty(folder: Path, good: bytes) -> None:
    (folder / "a.tfrecord").write_bytes(b"")


def png(folder: Path, good: bytes) -> None:
    (folder / "a.tfrecord").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def cut_zlib(folder: Path, good: bytes) -> None:
    (folder / "a.tfrecord").write_bytes(zlib.compress(good)[:-20])


def no_records(folder: Path, good: bytes) -> None:
    (folder / "notes.txt").write_text("nothing here")


def missing(folder: Path, good: bytes) -> None:
    folder.rmdir()


CASES: list[tuple[Callable[[Path, bytes], None], str]] = [
    (truncated, "truncated"),
    (flipped, "checksum|CRC|crc"),
    (empty, "empty"),
    (png, "PNG"),
    (cut_zlib, "a.tfrecord"),
    (no_records, "TFRecord"),
    (missing, "no such|not there|does not exist|nothing"),
]


@pytest.mark.parametrize(("spoil", "told"), CASES, ids=[c[0].__name__ for c in CASES])
@pytest.mark.parametrize("verb", ["pretrain", "finetune"])
def test_files_that_are_none(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    small_data: Path,
    verb: str,
    spoil: Callable[[Path, bytes], None],
    told: str,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    spoil(folder, next(small_data.glob("*.tfrecord")).read_bytes())
    lines = mistakes(run(capsys, verb, "--data", folder, "--out", tmp_path / "run"))
    assert len(lines) == 1
    assert re.search(told, lines[0], re.IGNORECASE), lines[0]
    assert str(folder) in lines[0]
    assert not (tmp_path / "run").exists()


def test_a_record_without_spectra(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_records(tmp_path / "a.tfrecord", features(), features(hs_image=None))
    lines = mistakes(run(capsys, "pretrain", "--data", tmp_path, "--out", tmp_path / "run"))
    assert len(lines) == 1
    assert "record 1" in lines[0]
    assert "hs_image" in lines[0]


def test_no_label_at_all_is_told_in_finetuning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_tfrecords(tmp_path / "data", [replace(sample(i), label=None) for i in range(8)])
    lines = mistakes(run(capsys, "finetune", "--data", tmp_path / "data", "--out", tmp_path / "r"))
    assert len(lines) == 1
    assert f"{tmp_path / 'data'}: none of 8 samples has a label" in lines[0]
    assert "use the data for pretraining only" in lines[0]
    assert not (tmp_path / "r").exists()


def test_nans_stop_the_run_and_name_the_record(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, small_data: Path
) -> None:
    # made by hand: our own writer refuses them
    pixels = np.full(48 * 48 * 3, 0.5, np.float32)
    spectra = bytes(range(256)) * 27  # 24 x 24 x 12
    spoiled = pixels.copy()
    spoiled[7] = np.nan
    good = features(rgb_image=pixels, hs_image=spectra)
    write_records(tmp_path / "a.tfrecord", good, good | {"rgb_image": spoiled}, good, good)
    out = tmp_path / "run"
    lines = mistakes(run(capsys, "pretrain", "--data", tmp_path / "a.tfrecord", "--out", out))
    assert len(lines) == 1
    assert "NaN" in lines[0]
    assert "record" in lines[0]
    assert not out.exists()


def test_an_unwritable_place(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    words = ("pretrain", "--data", small_data, "--out", tmp_path / "file" / "run")
    assert len(mistakes(run(capsys, *words))) == 1


def test_a_broken_dataset_json(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_data, tmp_path / "d")
    (tmp_path / "d" / "dataset.json").write_text('{"wavelengths_nm": [400, 500]}')
    words = ("finetune", "--data", tmp_path / "d", "--bands=480nm", "--out", tmp_path / "r")
    lines = mistakes(run(capsys, *words))
    assert "2 wavelengths for images of 12 bands" in lines[0]
