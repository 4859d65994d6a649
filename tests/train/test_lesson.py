"""A lesson is the same however it is cut, whoever takes part, and whatever was drawn before."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data.batch import Batch, Share
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.train import lesson as room
from bimae.train.engine import Engine
from bimae.train.lesson import Lesson, draw_crops, draw_keep, draw_lesson, dropping
from bimae.train.modules import ClassifyTask, class_weights
from bimae.train.options import FinetuneOptions
from bimae.train.recording import tensors_of
from tests.model.small import CONFIG, images

CLASSES = ("a", "b", "c")
COUNTS = (4, 1, 6)
ALL = FinetuneOptions(
    Path("none"), seed=5, drop_path=0.5, label_smoothing=0.1, class_weights="balanced",
    mixup=0.4, cutmix=1.0, rotate=True, crop=0.2,
)  # fmt: skip


def batch_of(count: int = 11) -> Batch:
    hs, rgb = images(count)
    return Batch(
        torch.arange(count),
        hs=hs,
        rgb=rgb.permute(0, 2, 3, 1).contiguous(),
        turns=torch.tensor([[n % 2 > 0, n % 3 > 0] for n in range(count)]),
        label=torch.tensor([0] * 4 + [1] + [2] * (count - 5)),
    )


def classifier() -> SeedClassifier:
    config = ClassifierConfig(CONFIG, CLASSES, bands=tuple(range(CONFIG.bands)))
    return SeedClassifier(config, generator=torch.Generator().manual_seed(2))


def lesson_of(batch: Batch, options: FinetuneOptions = ALL, number: int = 0) -> Lesson:
    return draw_lesson(batch, options, depth=CONFIG.depth, epoch=1, number=number)


def learned(
    lesson: Lesson, options: FinetuneOptions = ALL, **how: int
) -> tuple[dict[str, float], list[torch.Tensor]]:
    model = classifier()
    task = ClassifyTask(model, options, Engine(model, **how), counts=COUNTS)
    figures = task.engine.means(task._learn, lesson).figures
    figures["loss"].backward()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    return {name: value.item() for name, value in figures.items()}, found


@settings(max_examples=12)
@given(at_once=st.integers(1, 11), parts=st.integers(1, 6), number=st.integers(0, 3))
def test_parts_of_any_size_agree(at_once: int, parts: int, number: int) -> None:
    lesson = lesson_of(batch_of(), number=number)
    expected, wanted = learned(lesson, at_once=99)
    figures, gradients = learned(lesson, at_once=at_once, parts=parts)
    assert figures == pytest.approx(expected, rel=1e-5)
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_images_in_memory_and_those_of_a_batch_are_the_same_lesson() -> None:
    whole, rows = batch_of(11), torch.tensor([3, 9, 4, 10, 0, 5])
    taken = lesson_of(whole.take(rows))
    alone = lesson_of(whole.take(rows).alone())
    for one, other in zip(taken.part(slice(1, 5)).images(), alone.images(), strict=True):
        assert one is not None
        assert other is not None
        assert torch.equal(one, other[1:5])


def same(one: Lesson, other: Lesson) -> bool:
    pairs = zip(tensors_of(one), tensors_of(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_draws_follow_the_place_in_the_run_and_the_seed() -> None:
    batch = batch_of()

    def lesson(seed: int, epoch: int, number: int) -> Lesson:
        options = replace(ALL, seed=seed, mixup=0)  # of mixup and cutmix the same one each time
        return draw_lesson(batch, options, depth=CONFIG.depth, epoch=epoch, number=number)

    assert same(lesson(0, 1, 2), lesson(0, 1, 2))
    drawn = (lesson(0, 0, 0), lesson(0, 0, 1), lesson(0, 1, 0), lesson(1, 0, 0))
    assert not any(same(a, b) for a, b in combinations(drawn, 2))


def test_what_is_off_is_not_drawn_and_changes_no_other_draw() -> None:
    batch = batch_of()
    plain = lesson_of(batch, FinetuneOptions(Path("none")))
    assert plain == Lesson(batch)
    one, all_of_them = lesson_of(batch, replace(ALL, mixup=0, cutmix=0)), lesson_of(batch)
    assert one.mix is None
    assert torch.equal(one.keep, all_of_them.keep)
    assert torch.equal(one.quarter, all_of_them.quarter)


def test_processes_share_the_lesson_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = batch_of(9)
    expected = lesson_of(whole)
    monkeypatch.setattr(room, "gathered", lambda batch, ranks: whole)
    for start, stop in ((0, 4), (4, 9)):
        batch = replace(whole.part(slice(start, stop)), share=Share(start, stop, 9))
        mine = draw_lesson(batch, ALL, depth=CONFIG.depth, epoch=1, number=0, ranks=2)
        part = expected.part(slice(start, stop))
        for one, other in zip(mine.images(), part.images(), strict=True):
            assert torch.equal(one, other)
        assert torch.equal(mine.keep, part.keep)
        assert torch.equal(mine.mix.share, part.mix.share)
        assert torch.equal(mine.mix.partner.label, part.mix.partner.label)


def test_a_process_without_a_sample_of_its_own_takes_part() -> None:
    batch = replace(batch_of(6).part(slice(5, 6)), share=Share(1, 1, 1))
    lesson = lesson_of(batch, replace(ALL, mixup=0, cutmix=0))
    assert len(lesson.keep) == len(lesson.quarter) == 1


def test_quarter_turns_with_flips_are_all_eight_ways_to_lay_a_square() -> None:
    square = torch.arange(9.0).view(1, 1, 3, 3)
    flips = torch.tensor([[a, b] for a in (False, True) for b in (False, True)])
    seen = set()
    for quarter in (False, True):
        batch = Batch(torch.arange(4), hs=square.expand(4, -1, -1, -1), turns=flips)
        hs, _ = Lesson(batch, quarter=torch.full((4,), quarter)).images()
        seen |= {tuple(image.flatten().tolist()) for image in hs}
    expected = set()
    for turns in range(4):
        turned = square[0, 0].rot90(turns)
        expected |= {tuple(t.flatten().tolist()) for t in (turned, turned.flip(0))}
    assert seen == expected
    assert len(seen) == 8


def test_branches_count_one_on_average_and_are_dropped_the_more_the_higher() -> None:
    keep = draw_keep(np.random.default_rng(0), 4000, depth=5, rate=0.4)
    assert keep.shape == (4000, 5, 2)
    torch.testing.assert_close(keep.mean(dim=(0, 2)), torch.ones(5), rtol=0, atol=0.03)
    dropped = keep.eq(0).float().mean(dim=0)
    expected = torch.linspace(0, 0.4, 5)[:, None].expand(-1, 2)
    torch.testing.assert_close(dropped, expected, rtol=0, atol=0.03)
    assert not dropped[0].any()


def test_dropping_is_told_to_one_part_only_and_shares_the_weights() -> None:
    model = classifier()
    hs, rgb = images(3)
    expected = model(hs, rgb)
    nothing = dropping(model, torch.zeros(3, CONFIG.depth, 2))
    assert not torch.allclose(nothing(hs, rgb), expected)
    assert torch.equal(model(hs, rgb), expected)
    one = dropping(model, torch.ones(3, CONFIG.depth, 2))
    assert torch.equal(one(hs, rgb), expected)
    assert {id(p) for p in one.parameters()} == {id(p) for p in model.parameters()}


def test_the_loss_is_that_of_its_definition() -> None:
    options = replace(ALL, drop_path=0, rotate=False)
    lesson = lesson_of(batch_of(), options)
    model = classifier()
    with torch.no_grad():
        log = model(*lesson.images()).log_softmax(dim=1)
    weight = torch.tensor([11 / 3 / n for n in COUNTS])

    def error(labels: torch.Tensor) -> torch.Tensor:
        target = 0.9 * torch.nn.functional.one_hot(labels, 3) + 0.1 / 3
        return -(target * log).sum(dim=1) * weight[labels]

    assert lesson.mix is not None
    share, other = lesson.mix.share, lesson.mix.partner.label
    expected = (share * error(lesson.batch.label) + (1 - share) * error(other)).mean()
    assert learned(lesson, options)[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["balanced", "sqrt"])
def test_weights_of_classes_are_one_on_average_over_the_samples(kind: str) -> None:
    weights = class_weights(kind, (2, 8, 0))  # type: ignore[arg-type]
    assert weights is not None
    assert (weights * torch.tensor([2, 8, 0])).sum().item() == pytest.approx(10)
    assert (weights[0] / weights[1]).item() == pytest.approx(4 if kind == "balanced" else 2)
    assert weights[2] == 0
    assert class_weights("none", ()) is None


def test_validation_is_plain() -> None:
    model = classifier()
    batch = batch_of()
    task = ClassifyTask(model, ALL, counts=COUNTS)
    with torch.no_grad():
        figures, _ = task._figures(batch)
        expected = torch.nn.functional.cross_entropy(model(*batch.images()), batch.label)
    torch.testing.assert_close(figures["loss"], expected)


def test_a_frozen_trunk_has_no_gradients() -> None:
    model = classifier()
    model.trunk.requires_grad_(False)
    task = ClassifyTask(model, ALL, counts=COUNTS)
    lesson = lesson_of(batch_of())
    task.engine.means(task._learn, lesson).figures["loss"].backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learning == {"norm.weight", "norm.bias", "head.weight", "head.bias"}


def test_crops_cut_both_views_alike() -> None:
    """The same square of the same scene, at both resolutions: a ramp stays a ramp in both."""
    crops = draw_crops(np.random.default_rng(3), 6, 0.1)
    inner = crops.abs().sum(dim=2).amax(dim=1) < 1  # wholly inside: no edge that goes on
    assert inner.any()
    ramps = []
    for side in (24, 96):
        place = (torch.arange(side) + 0.5) / side * 2 - 1
        image = torch.stack([place.expand(side, side), place[:, None].expand(side, side)])
        ramps.append(room._cut(image.expand(6, -1, -1, -1), crops))
    fine = torch.nn.functional.avg_pool2d(ramps[1], 4)
    torch.testing.assert_close(ramps[0][inner], fine[inner], atol=0.02, rtol=0)
    assert (ramps[0][inner].amax((2, 3)) - ramps[0][inner].amin((2, 3)) < 2).all()


def test_crops_have_the_areas_asked_for() -> None:
    crops = draw_crops(np.random.default_rng(0), 500, 0.25)
    areas = torch.linalg.det(crops[:, :, :2])
    assert 0.25 <= areas.min() < 0.3 and 0.95 < areas.max() <= 1
    assert torch.allclose(areas.mean(), torch.tensor(0.625), atol=0.03)
