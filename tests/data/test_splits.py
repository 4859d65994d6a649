import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data import Split, open_dataset, split_dataset, write_tfrecords
from bimae.data.stratify import stratify
from bimae.errors import ConfigError, DataError
from tests.data.small_samples import sample

RATIOS = (0.7, 0.15, 0.15)
LABELS = st.none() | st.sampled_from("abcd")
SAMPLES = st.lists(st.tuples(LABELS, st.none() | st.integers(0, 8).map(str)), max_size=60)
SEED = st.integers(0, 3)


@given(SAMPLES, SEED)
def test_parts_are_a_partition_with_whole_groups(samples, seed):
    labels, groups = [s[0] for s in samples], [s[1] for s in samples]
    parts = stratify(labels, groups, RATIOS, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(samples)))
    part_of = {i: number for number, part in enumerate(parts) for i in part}
    for group in set(groups) - {None}:
        assert len({part_of[i] for i, g in enumerate(groups) if g == group}) == 1
    assert parts == stratify(labels, groups, RATIOS, seed)
    units = len(set(groups) - {None}) + groups.count(None)
    if units >= 3:
        assert all(parts)


@given(st.lists(LABELS, min_size=3, max_size=80), SEED)
def test_without_groups_each_class_is_dealt_out_exactly(labels, seed):
    parts = stratify(labels, [None] * len(labels), RATIOS, seed)
    counts = [Counter(labels[i] for i in part) for part in parts]
    for label, total in Counter(labels).items():
        for count, ratio in zip(counts, RATIOS, strict=True):
            # One beside the exact share, where a small class has to be in each part or a part
            # would be empty.
            assert abs(count[label] - ratio * total) < (1 if total >= 7 else 2)
            assert total < 3 or count[label]


def test_exact_numbers():
    labels = list("a" * 20 + "b" * 40 + "c" * 3)
    parts = stratify(labels, [None] * len(labels), RATIOS, 0)
    counts = [Counter(labels[i] for i in part) for part in parts]
    assert [c["a"] for c in counts] == [14, 3, 3]
    assert [c["b"] for c in counts] == [28, 6, 6]
    assert [c["c"] for c in counts] == [1, 1, 1]


def test_equal_remainders_do_not_all_go_to_val():
    labels = [str(i % 20) for i in range(200)]  # 20 classes of 10: 7 + 1.5 + 1.5
    train, val, test = stratify(labels, [None] * 200, RATIOS, 0)
    assert (len(train), len(val), len(test)) == (140, 30, 30)


def test_the_seed_decides():
    labels = list("ab" * 20)
    first, second = (stratify(labels, [None] * 40, RATIOS, seed) for seed in (0, 1))
    assert first != second


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=9, max_size=20),
    SEED,
)
@settings(max_examples=60)
def test_groups_of_one_class_spread_over_all_parts(group_labels, seed):
    """Where each class has groups of its own, each part gets each class."""
    labels, groups = [], []
    for number, members in enumerate(group_labels):
        labels += [members[0]] * len(members)
        groups += [str(number)] * len(members)
    parts = stratify(labels, groups, RATIOS, seed)
    for label, count in Counter(members[0] for members in group_labels).items():
        if count >= 3:
            assert all(any(labels[i] == label for i in part) for part in parts)


def test_groups_come_near_the_ratios():
    labels = [str(i % 5) for i in range(1000)]
    groups = [str(i // 10) for i in range(1000)]
    sizes = [len(part) for part in stratify(labels, groups, RATIOS, 0)]
    assert all(abs(n - 1000 * r) <= 10 for n, r in zip(sizes, RATIOS, strict=True))


def test_a_share_of_zero_gets_nothing():
    for groups in ([None] * 30, [str(i // 3) for i in range(30)]):
        train, val, test = stratify(["a"] * 30, groups, (0.8, 0.2, 0.0), 0)
        assert not test and len(train) == 24 and len(val) == 6


def data_set(folder, count=20, split=None, **changes):
    made = [replace(sample(i, label="ab"[i % 2]), **changes) for i in range(count)]
    if split:
        made = [replace(s, id=f"{split}{s.id}") for s in made]
    write_tfrecords(folder, made, split=split, samples_per_shard=7)
    return open_dataset(folder)


def test_a_flat_folder(tmp_path):
    split = split_dataset(data_set(tmp_path))
    assert [len(p) for p in (split.train, split.val, split.test)] == [14, 3, 3]
    assert split.how.startswith("drawn") and split.seed == 0
    assert split == split_dataset(open_dataset(tmp_path))


def test_declared_splits_are_kept(tmp_path):
    for name in ("train", "val", "test"):
        ds = data_set(tmp_path, 4, name)
    split = split_dataset(ds, seed=5)
    assert (split.train, split.val, split.test) == (
        tuple(range(4)),
        tuple(range(4, 8)),
        tuple(range(8, 12)),
    )
    assert split.how == "declared: train, val, test"


def test_val_is_drawn_from_train(tmp_path):
    data_set(tmp_path, 34, "train")
    ds = data_set(tmp_path, 5, "test")
    split = split_dataset(ds)
    assert split.test == tuple(range(34, 39))
    assert (len(split.train), len(split.val)) == (28, 6)  # 34 * 0.15 / 0.85
    assert sorted(split.train + split.val) == list(range(34))


def test_other_declarations(tmp_path):
    alone = split_dataset(data_set(tmp_path / "train", 20, "train"))
    assert [len(p) for p in (alone.train, alone.val, alone.test)] == [14, 3, 3]
    only_test = split_dataset(data_set(tmp_path / "x", 5, "test"))
    assert (only_test.train, only_test.val, len(only_test.test)) == ((), (), 5)
    data_set(tmp_path / "y", 6, "train")
    no_test = split_dataset(data_set(tmp_path / "y", 4, "val"))
    assert (len(no_test.train), len(no_test.val), no_test.test) == (6, 4, ())


def test_declared_splits_that_tear_groups_say_so(tmp_path):
    data_set(tmp_path, 4, "train", group="tray")
    ds = data_set(tmp_path, 4, "test", group="tray")
    assert "1 groups lie in more than one part" in split_dataset(ds).how


@pytest.mark.parametrize("ratios", [(0.5, 0.5, 0.5), (0, 0.5, 0.5), (1.2, -0.1, -0.1), (1.0,)])
def test_ratios_that_are_none(tmp_path, ratios):
    with pytest.raises(ConfigError, match="add up to 1"):
        split_dataset(data_set(tmp_path), ratios=ratios)


def test_save_and_load(tmp_path):
    ds = data_set(tmp_path / "data")
    split = split_dataset(ds, seed=3)
    path = tmp_path / "run" / "split.json"
    split.save(path, ds)
    assert Split.load(path, ds) == split
    assert Split.matches(path, ds)
    facts = json.loads(path.read_text())
    assert facts["seed"] == 3 and facts["fingerprint"] == ds.fingerprint
    assert facts["val"] == [ds.ids[i] for i in split.val]

    other = data_set(tmp_path / "other", 19)
    assert not Split.matches(path, other)
    with pytest.raises(DataError, match="made for data with fingerprint"):
        Split.load(path, other)


def test_split_files_that_are_none(tmp_path):
    ds = data_set(tmp_path / "data")
    path = tmp_path / "split.json"
    assert not Split.matches(path, ds)
    split_dataset(ds).save(path, ds)
    facts = json.loads(path.read_text())
    for text in (
        "",
        "[]",
        json.dumps(facts | {"train": 3}),
        json.dumps(facts | {"train": ["nobody"]}),
        json.dumps(facts | {"val": facts["train"]}),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=r"split\.json: "):
            Split.load(path, ds)
