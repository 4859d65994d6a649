import os
from pathlib import Path

import pytest

from bimae.bench import input as reading
from bimae.bench import tf_data
from bimae.bench.input import (
    AGAIN,
    BATCHES,
    BESIDE,
    FIRST,
    RAW,
    RESIDENT,
    Source,
    cache_at,
    copy_samples,
    measure_reading,
    simulated_sources,
)
from bimae.data import Sample, open_dataset


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    return simulated_sources(tmp_path_factory.mktemp("simulated"), per_class=1, bands=12)


def test_the_same_seeds_twice(sources: list[Source]) -> None:
    plain, packed = (open_dataset(source.path) for source in sources)
    assert plain.ids == packed.ids
    assert len(plain) == 19
    assert all(source.simulated and "simulated" in source.name for source in sources)


def test_every_way_of_reading(sources: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LEAST_S", 1e-4)
    monkeypatch.setattr(tf_data, "is_installed", lambda: False)
    rows = measure_reading(sources, repeats=1)
    timed = [row for row in rows if "skipped" not in row]
    assert [row["what"] for row in timed] == [FIRST, AGAIN, RAW, BATCHES, RESIDENT] * 2
    sample = open_dataset(sources[0].path)[0]
    for row in timed:
        assert row["samples"] == 19
        assert row["samples_per_s"] == pytest.approx(19 / row["pass_s_median"])
        stored = (sample.rgb.nbytes + sample.hs.nbytes) / 1e6
        assert row["mb_per_s"] == pytest.approx(row["samples_per_s"] * stored)
    left_out = [(row["what"], row["skipped"]) for row in rows if "skipped" in row]
    assert left_out == [(BESIDE, "TensorFlow not installed")] * 2


def test_records_that_tensorflow_does_not_read(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*files: object, **more: object) -> None:
        raise ValueError("Feature: hs_image is of another kind\nand more")

    monkeypatch.setattr(reading, "LEAST_S", 1e-4)
    monkeypatch.setattr(tf_data, "is_installed", lambda: True)
    monkeypatch.setattr(tf_data, "tf_pass", refuse)
    (row,) = (r for r in measure_reading(sources[:1], repeats=1) if "skipped" in r)
    assert row["skipped"] == "TensorFlow did not read it: Feature: hs_image is of another kind"


@pytest.mark.skipif(not tf_data.is_installed(), reason="TensorFlow is not installed")
@pytest.mark.parametrize("which", [0, 1])
def test_tensorflow_reads_what_we_wrote(sources: list[Source], which: int) -> None:
    task, problem = reading._beside(sources[which].path, open_dataset(sources[which].path))
    assert (task is not None, problem) == (True, "")


def test_a_first_sight_has_an_empty_cache_of_its_own(sources: list[Source], tmp_path: Path) -> None:
    with cache_at(tmp_path / "kept"):
        samples = open_dataset(sources[1].path)
        ways = {what: task for what, task, _ in reading._ways(sources[1].path, samples)}
        kept = set((tmp_path / "kept").rglob("*"))
        ways[FIRST]()
        assert os.environ["BIMAE_CACHE"] == str(tmp_path / "kept")
        assert set((tmp_path / "kept").rglob("*")) == kept


def test_the_cache_folder_is_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for before in ("somewhere", None):
        if before is None:
            monkeypatch.delenv("BIMAE_CACHE")
        else:
            monkeypatch.setenv("BIMAE_CACHE", before)
        with pytest.raises(KeyError), cache_at(tmp_path):
            assert os.environ["BIMAE_CACHE"] == str(tmp_path)
            raise KeyError
        assert os.environ.get("BIMAE_CACHE") == before


def test_samples_are_copied_in_any_order(sources: list[Source]) -> None:
    samples = open_dataset(sources[0].path)
    asked: list[int] = []

    class Asked:
        def __getitem__(self, index: int) -> Sample:
            asked.append(index)
            return samples[index]

    copy_samples(Asked(), [3, 3, 0, 18])  # type: ignore[arg-type]
    assert asked[-4:] == [3, 3, 0, 18]
