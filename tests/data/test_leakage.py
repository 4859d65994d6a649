from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data import Split, open_dataset, write_tfrecords
from bimae.data.drawing import draw_split
from bimae.data.leakage import alike, digest_of, find_leaks, identical_images, is_flat
from bimae.data.splits import PARTS
from bimae.data.stratify import at_random, units
from bimae.errors import ConfigError
from tests.data.small_samples import features, sample, write_records

RATIOS = (0.7, 0.15, 0.15)


def opened(folder, samples):
    write_tfrecords(folder, samples)
    return open_dataset(folder, hs_size=None, rgb_size=None)


def trays(count=40, per_tray=4):
    """Every tray holds one class; classes take turns."""
    return [
        sample(i, label="abcd"[i // per_tray % 4], group=f"tray{i // per_tray}")
        for i in range(count)
    ]


@given(st.lists(st.tuples(st.none() | st.integers(0, 5), st.none() | st.integers(0, 5))))
def test_units_join_whatever_is_tied(ties):
    """Against a plain search: two samples are together if a chain of ties leads there."""
    names = units(*zip(*ties, strict=True)) if ties else []
    for i, tie in enumerate(ties):
        reached, new = {i}, {i}
        while new:
            new = {
                k
                for k in range(len(ties))
                if k not in reached
                and any(
                    a is not None and a == b
                    for j in new
                    for a, b in zip(ties[j], ties[k], strict=True)
                )
            }
            reached |= new
        if tie == (None, None):
            assert names[i] is None
        else:
            assert {k for k, name in enumerate(names) if name == names[i]} == reached


@given(st.lists(st.none() | st.integers(0, 9).map(str), max_size=50), st.integers(0, 3))
def test_at_random_is_a_partition_with_whole_units(together, seed):
    parts = at_random(together, RATIOS, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(together)))
    part_of = {i: number for number, part in enumerate(parts) for i in part}
    for unit in set(together) - {None}:
        assert len({part_of[i] for i, other in enumerate(together) if other == unit}) == 1
    if len(set(together) - {None}) + together.count(None) >= 3:
        assert all(parts)
    assert parts == at_random(together, RATIOS, seed)


def test_at_random_keeps_the_shares():
    assert [len(part) for part in at_random([None] * 200, RATIOS, 0)] == [140, 30, 30]
    assert [len(part) for part in at_random([None] * 20, (0.5, 0.5, 0.0), 0)] == [10, 10, 0]
    assert at_random([None] * 200, RATIOS, 0) != at_random([None] * 200, RATIOS, 1)


def test_digests_see_pixels_not_storage(tmp_path):
    grey = np.full(12, 51 / 255, np.float32)
    path = write_records(
        tmp_path / "x.tfrecord",
        features(id=b"floats", rgb_image=grey),
        features(id=b"bytes", rgb_image=bytes([51]) * 12),
        features(id=b"other", rgb_image=bytes([52]) * 12),
    )
    ds = open_dataset(path, hs_size=None, rgb_size=None)
    digests = [digest_of(s.rgb, s.hs) for s in ds]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].hs == digests[2].hs and digests[0].flat_rgb and not digests[0].flat_hs


def test_the_shape_and_the_kind_belong_to_an_image():
    rgb = np.zeros((2, 2, 3), np.float32)
    cubes = [np.zeros((2, 3, 4), np.uint8), np.zeros((3, 2, 4), np.uint8)]
    cubes.append(np.zeros((2, 3, 1), np.float32))  # the same number of bytes as the first
    assert len({digest_of(rgb, cube).hs for cube in cubes}) == 3


def test_flat_images():
    image = np.ones((5, 4, 3), np.float32)
    assert is_flat(image * [1, 2, 3])
    image[1, 2, 0] = 0
    assert not is_flat(image)


def test_one_shared_view_is_enough_unless_it_is_flat(tmp_path):
    one, two, three, four = (sample(i) for i in range(4))
    white = np.ones_like(one.rgb)
    samples = [
        one,
        replace(two, hs=one.hs),  # the same cube
        replace(three, rgb=two.rgb),  # the same RGB image as the second
        replace(four, rgb=white),
        replace(sample(5), rgb=white),  # shares a placeholder only
        replace(sample(6), rgb=white, hs=four.hs),
        sample(7),
    ]
    assert identical_images(opened(tmp_path, samples)) == [0, 0, 0, 1, None, 1, None]
    assert alike([]) == []


@pytest.mark.parametrize("by", ["group", "random", "class-balanced"])
def test_copies_stay_together(tmp_path, by):
    samples = [sample(i, label="ab"[i % 2]) for i in range(30)]
    samples += [replace(samples[i], id=f"copy{i}") for i in range(10)]
    ds = opened(tmp_path, samples)
    copies = identical_images(ds)
    split = draw_split(ds, by=by, copies=copies)
    part_of = {i: name for name in PARTS for i in getattr(split, name)}
    assert sorted(part_of) == list(range(40)) and split.val and split.test
    assert all(part_of[i] == part_of[30 + i] for i in range(10))
    leakage = find_leaks(ds, split, copies)
    assert leakage.copies == 10 and leakage.torn_copies == []
    assert {name: facts.copy for name, facts in leakage.this.items()} == {"val": 0, "test": 0}
    assert sum(facts.copy for facts in leakage.random.values()) > 0
    assert "identical images kept together" in split.how


def test_groups_and_copies_are_tied_to_each_other(tmp_path):
    """Two trays that share one image cannot be told apart by a split."""
    samples = trays()
    samples[-1] = replace(samples[0], id="copy", label=samples[-1].label, group="tray9")
    ds = opened(tmp_path, samples)
    for seed in range(3):
        split = draw_split(ds, copies=identical_images(ds), seed=seed)
        part_of = {i: name for name in PARTS for i in getattr(split, name)}
        assert len({part_of[i] for i in [*range(4), *range(36, 40)]}) == 1


def test_what_a_split_by_group_leaks_and_a_random_one_would(tmp_path):
    ds = opened(tmp_path, trays())
    split = draw_split(ds, by="group", seed=1)
    leakage = find_leaks(ds, split, None)
    assert leakage.torn_groups == [] and leakage.copies is None and leakage.torn_copies is None
    for name in ("val", "test"):
        assert leakage.this[name].either == 0
        assert leakage.this[name].samples == len(getattr(split, name))
    drawn = at_random([None] * len(ds), RATIOS, 1)
    learned = {ds.groups[i] for i in drawn[0]}
    assert leakage.random["test"].samples == len(drawn[2])
    assert leakage.random["test"].group == sum(ds.groups[i] in learned for i in drawn[2]) > 0
    assert sum(facts["samples"] for facts in leakage.parts.values()) == 40
    assert sum(facts["groups"] for facts in leakage.parts.values()) == 10
    for label in "abcd":
        assert sum(leakage.classes[label].values()) == ds.labels.count(label)


def test_what_a_random_split_leaks(tmp_path):
    ds = opened(tmp_path, trays())
    split = draw_split(ds, by="random")
    leakage = find_leaks(ds, split, None)
    assert leakage.this == leakage.random and leakage.this["test"].group > 0
    assert set(leakage.torn_groups) <= set(ds.groups) and leakage.torn_groups


def test_class_balanced_looks_at_no_group(tmp_path):
    ds = opened(tmp_path, [replace(s, group="one") for s in trays()])
    split = draw_split(ds, by="class-balanced", ratios=(0.5, 0.2, 0.3))
    leakage = find_leaks(ds, split, None)
    assert leakage.classes["a"] == {"train": 6, "val": 2, "test": 4}
    assert leakage.torn_groups == ["one"]
    assert leakage.this["test"].group == leakage.parts["test"]["samples"]


def test_why_a_class_is_missing(tmp_path):
    samples = [sample(i, label="a", group=f"a{i % 5}") for i in range(20)]
    samples += [sample(20 + i, label="b", group=f"b{i % 2}") for i in range(6)]
    samples += [sample(30 + i, label="c") for i in range(2)]
    ds = opened(tmp_path, samples)
    leakage = find_leaks(ds, draw_split(ds), None)
    missing = {(m.label, m.why) for m in leakage.missing}
    assert missing == {("b", "its 6 samples lie in only 2 groups"), ("c", "only 2 samples")}
    everything = find_leaks(ds, Split((0, 20), tuple(range(1, 6)), (21,), "by hand"), None)
    assert ("a", "test", "so it was drawn") in {
        (m.label, m.part, m.why) for m in everything.missing
    }


def test_ratios_are_judged_before_anything_is_drawn(tmp_path):
    ds = opened(tmp_path, trays(8))
    for ratios in ((0.5, 0.5), (0.5, 0.2, 0.2), (float("nan"), 0.5, 0.5)):
        with pytest.raises(ConfigError, match="add up to 1"):
            draw_split(ds, ratios=ratios)
