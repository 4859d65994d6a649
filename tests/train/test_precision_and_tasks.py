from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from bimae.data.batch import Batch, Share
from bimae.data.reading import Reading
from bimae.errors import ConfigError
from bimae.model import BiMAE, ModelConfig
from bimae.train import precision
from bimae.train.engine import Engine
from bimae.train.options import Arithmetic, PretrainOptions
from bimae.train.pretraining import PretrainTask
from tests.model.small import CONFIG
from tests.train.test_engine import batch_of


def test_what_is_asked_for_is_taken() -> None:
    assert precision.choose_precision("32", 64) == "32"
    assert precision.choose_precision("bf16-mixed", 64) == "bf16-mixed"


@pytest.mark.parametrize(
    ("bf16_seconds", "chosen"), [(0.5, "bf16-mixed"), (0.95, "32"), (9, "32"), (300, "32")]
)
def test_auto_takes_what_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bf16_seconds: float, chosen: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = []

    def seconds(width: int, bf16: bool, rows: int = 512) -> float:
        asked.append(rows)
        return bf16_seconds if bf16 else 1.0

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision.choose_precision("auto", 64) == chosen
    assert (512 in asked) == (bf16_seconds < precision.HOPELESS)  # no long wait for a lost cause


def test_auto_measures_without_touching_the_world() -> None:
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert precision.choose_precision("auto", 32) in ("32", "bf16-mixed")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def _task(seed: int = 0) -> PretrainTask:
    return PretrainTask(BiMAE(CONFIG), PretrainOptions(data="x", seed=seed))  # type: ignore[arg-type]


def test_a_loss_that_is_not_finite_stops_before_it_is_applied() -> None:
    with pytest.raises(ConfigError, match="loss is nan at step 0: stopped before"):
        _task()._finite(torch.tensor(float("nan")))


def test_masks_follow_the_place_in_the_run_and_the_seed() -> None:
    def first(seed: int, epoch: int, number: int) -> torch.Tensor:
        return _task(seed)._masked(Batch(torch.arange(9)), epoch, number).hs.keep

    assert torch.equal(first(0, 1, 2), first(0, 1, 2))
    drawn = (first(0, 0, 0), first(0, 0, 1), first(0, 1, 0), first(1, 0, 0))
    assert not any(torch.equal(a, b) for a, b in combinations(drawn, 2))


GROUPS = (0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 5, 5, 5)
MASKINGS = (
    CONFIG,
    replace(CONFIG, hs_masking="block", hs_block=3),
    replace(CONFIG, hs_masking="similarity", hs_groups=GROUPS),
)


@pytest.mark.parametrize("config", MASKINGS, ids=lambda config: config.hs_masking)
@pytest.mark.parametrize("options", [{}, {"any_sensor": True, "cross_modal": 0.5}])
def test_processes_draw_the_masks_of_one(config: ModelConfig, options: dict[str, Any]) -> None:
    task = PretrainTask(BiMAE(config), PretrainOptions(Path("none"), **options))
    whole = task._masked(Batch(torch.arange(9)), 3, 4)
    for start, stop in ((0, 4), (4, 9)):
        batch = Batch(torch.arange(start, stop), share=Share(start, stop, 9))
        part = task._masked(batch, 3, 4)
        for mine, all_of_them in ((part.hs, whole.hs), (part.rgb, whole.rgb)):
            assert torch.equal(mine.keep, all_of_them.keep[start:stop])
            assert torch.equal(mine.targets, all_of_them.targets[start:stop])


STANDARD = tuple((0.5, 0.2 + 0.01 * band) for band in range(CONFIG.bands))


@pytest.mark.parametrize("config", MASKINGS, ids=lambda config: config.hs_masking)
@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"any_sensor": True}, {}),
        ({"cross_modal": 1.0}, {}),
        ({"any_sensor": True, "spectral_angle": 0.1}, {"normalised_patches": True}),
        ({"cross_modal": 1.0, "spectral_angle": 0.1}, {"standard": STANDARD}),
    ],
)
def test_hidden_views_are_reconstructed_from_the_other(
    config: ModelConfig, options: dict[str, Any], changed: dict[str, Any]
) -> None:
    model = BiMAE(replace(config, **changed))
    task = PretrainTask(model, PretrainOptions(Path("none"), **options))
    batch = batch_of(4, torch.device("cpu")).batch
    kinds = set()
    for number in range(40):
        masked = task._masked(batch, 0, number)
        seen = masked.hs.keep.shape[1] > 0, masked.rgb.keep.shape[1] > 0
        kinds.add(seen)
        assert any(seen)
        assert masked.hs.targets.shape[1]
        assert masked.rgb.targets.shape[1]
        there = range(CONFIG.bands) if masked.there is None else masked.there[0].tolist()
        assert set(masked.hs.keep.flatten().tolist()) <= set(there)
        assert set(masked.hs.targets.flatten().tolist()) <= set(there)
        found = task.engine.means(task._losses, masked).figures
        assert all(torch.isfinite(value) for value in found.values())
        assert ("spectral_angle" in found) == ("spectral_angle" in options)
    assert kinds >= {(True, False), (False, True)}
    assert ((True, True) in kinds) == ("any_sensor" in options)


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
@pytest.mark.parametrize("standard", [None, STANDARD])
def test_a_step_is_the_same_in_parts_of_any_size(precision: Arithmetic, standard: Any) -> None:
    options = PretrainOptions(Path("none"), spectral_angle=0.3)
    config = replace(CONFIG, normalised_patches=True, standard=standard)
    found = []
    for at_once in (2, 11):
        model = BiMAE(config)
        engine = Engine(model, precision=precision, at_once=at_once)
        task = PretrainTask(model, options, engine)
        figures = engine.means(task._losses, batch_of(11, torch.device("cpu"))).figures
        figures["loss"].backward()
        weight = model.hs_decoder[0].weight.grad
        assert weight is not None
        found.append((figures["loss"].detach(), figures["spectral_angle"], weight))
    close = {"rtol": 1e-4, "atol": 1e-6} if precision == "32" else {"rtol": 0.05, "atol": 1e-2}
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, **close)


def test_what_padding_becomes_by_a_standard() -> None:
    config = replace(CONFIG, standard=STANDARD)
    task = PretrainTask(BiMAE(config), PretrainOptions(Path("none"), spectral_angle=0.1))
    reference = Reading.whole(config).reference()
    batch = Batch(torch.arange(2), hs=torch.zeros(2, 20, 6, 6), reference=reference)
    assert task.dark is not None
    expected = batch.spectra()
    assert expected.max() > 0
    torch.testing.assert_close(task.dark[None, :, None, None].expand_as(expected), expected)
