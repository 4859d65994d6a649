"""Files of ONNX and of torch.export: they say what the model says, for any batch."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimae import __version__
from bimae.data import DatasetInfo, Sample, SeedDataset, open_dataset, write_tfrecords
from bimae.data.colours import colour_type
from bimae.errors import ModelError
from bimae.export.agreement import as_accurate
from bimae.export.making import Chosen, Subject, made, rounded
from bimae.export.nameplate import KEY, Nameplate
from bimae.export.quantised import quantise
from bimae.export.runtime import Exported, open_onnx
from bimae.export.sensor import Turned
from bimae.export.trial import trial_samples
from bimae.model import SeedClassifier
from bimae.predict.calibrated import Score
from bimae.predict.network import model_digest
from tests.export.cases import FILTERS, among, calibration, classifier

onnx = pytest.importorskip("onnx", reason="bimae[export] is not installed")
pytest.importorskip("onnxruntime", reason="bimae[runtime] is not installed")
pytest.importorskip("onnxscript", reason="bimae[export] is not installed")


def subject(
    data: SeedDataset, folder: Path, shown: str = "auto", score: Score = "relative", **changes: Any
) -> Subject:
    """A calibrated model whose classes differ enough for 8 bits to tell them apart."""
    model = classifier(data, **changes)
    model.head.weight.data *= 40
    model.save_pretrained(folder)
    turned = Turned.to(SeedClassifier.from_pretrained(folder), data, "auto", shown)
    calibrated = calibration(turned, data, score)
    plate = turned.plate(
        folder, {"data": {"name": "x", "seed_side": 61, "rgb": "camera"}}, calibrated
    )
    return Subject(turned, folder, plate, calibrated)


@pytest.fixture(scope="module")
def data(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


@pytest.fixture(scope="module")
def filters(
    data: SeedDataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Subject, Exported]]:
    """A model of any sensor for three filters and a band, as ONNX."""
    folder = tmp_path_factory.mktemp("filters")
    one = subject(
        data, folder / "model", "490nm@60,650nm@90,800nm@40,900nm", scale="whitened",
        any_sensor=True, positions="wavelength", tokens="product",
    )  # fmt: skip
    exported, told = made(one, folder / "model.onnx", Chosen(data, range(0, 76, 5)))
    assert told.holds and told.probabilities < 1e-5
    yield one, exported


def test_the_file_knows_what_it_is(filters: tuple[Subject, Exported], data: SeedDataset) -> None:
    one, exported = filters
    text = {p.key: p.value for p in onnx.load(exported.path).metadata_props}[KEY]
    told = json.loads(text)
    assert told["bimae"] == __version__
    assert told["classes"] == data.classes
    assert told["model"] == model_digest(one.folder)
    assert told["bands"] == "490nm@60,650nm@90,800nm@40,900nm"
    assert told["hs"]["nm"][:3] == pytest.approx([490, 650, 800], abs=15)
    assert len(told["hs"]["picks"][1]) > 1 and len(told["hs"]["picks"][3]) == 1
    assert (told["seed_side"], told["rgb"]) == (61, "camera")
    assert one.calibrated is not None
    assert told["judging"]["temperature"] == one.calibrated.temperature == 0.5
    assert told["judging"]["alpha"] == 0.4
    assert told["judging"]["reject"] == one.calibrated.reject.value
    assert Nameplate.from_json(text, "x") == one.plate == exported.plate


def test_colours_of_another_kind_are_told_of(
    filters: tuple[Subject, Exported], data: SeedDataset, tmp_path: Path
) -> None:
    """As a model folder tells of them (tests/cli/test_learned_from.py)."""
    _, exported = filters
    shutil.copytree(data.root, tmp_path / "lot")
    DatasetInfo.add(tmp_path / "lot", rgb="false colour")
    note = exported.on(open_dataset(tmp_path / "lot")).feed.note
    assert "RGB images are false colour made from bands, but" in note
    assert "learned from a camera's: its answers are not to be relied on" in note
    DatasetInfo.add(tmp_path / "lot", rgb="camera")
    assert "RGB" not in exported.on(open_dataset(tmp_path / "lot")).feed.note


def test_a_file_from_before_colours_were_told_is_read(filters: tuple[Subject, Exported]) -> None:
    one, _ = filters
    plain = json.loads(one.plate.to_json())
    del plain["rgb"]
    assert Nameplate.from_json(json.dumps(plain), "x") == replace(one.plate, rgb="")
    del plain["scale"]
    with pytest.raises(ModelError, match="is damaged"):
        Nameplate.from_json(json.dumps(plain), "x")


def test_any_batch(filters: tuple[Subject, Exported], data: SeedDataset) -> None:
    """Of one sample, of all, and none that depends on the others."""
    _, exported = filters
    alone, together = (Chosen(data, range(9)).of(exported, size) for size in (1, 9))
    np.testing.assert_allclose(alone.odds, together.odds, atol=1e-5)
    whole = exported.run(exported.on(data).feed.inputs(data, range(9)))
    assert [one.shape for one in whole] == [(9, 19), (9, 19), (9,), (9,)]
    assert [one.dtype for one in whole] == [np.float32, bool, np.float32, bool]


def test_a_filter_camera_s_own_images(filters: tuple[Subject, Exported], data: SeedDataset) -> None:
    """Images through the filters give what the filters made of a cube give."""
    _, exported = filters
    feed = exported.on(data).feed
    cube = feed.inputs(data, [3])["hs"]
    assert cube.shape == (1, 8, 8, 4)
    first = np.asarray(feed.picks[0])
    bands, weights = first[:, 0].astype(int), first[:, 1]
    mixed = data.stored(3).hs[..., bands].astype(np.float64) @ weights
    np.testing.assert_allclose(cube[0, ..., 0], mixed, rtol=1e-5)


@pytest.mark.parametrize(
    ("bands", "changes"),
    [
        ("auto", {"scale": "before", "bands": (4, 9, 6), "band_weights": FILTERS, "pool": "token"}),
        ("500,600,750nm", {"scale": "whitened", "any_sensor": True, "among": among()}),
    ],
)
def test_other_models(
    data: SeedDataset, tmp_path: Path, bands: str, changes: dict[str, Any]
) -> None:
    one = subject(data, tmp_path / "model", bands, "energy", **changes)
    noise = trial_samples(one.plate, one.turned.looks.reading, data)
    for name, samples in (("model.onnx", noise), ("model.pt2", data)):
        _, told = made(one, tmp_path / name, Chosen(samples, range(0, len(samples), 3)))
        assert told.probabilities < 1e-4


def test_eight_bits(filters: tuple[Subject, Exported], data: SeedDataset, tmp_path: Path) -> None:
    """Smaller, nearly the same answers, and thresholds that its own answers call for."""
    one, exported = filters
    path = tmp_path / "small.onnx"
    quantise(exported.path, replace(one.plate, precision="int8"), path)
    everything = Chosen(data, range(76))
    true, found = (everything.of(one).odds.argmax(1) for one in (exported, open_onnx(path)))
    agreed = np.flatnonzero(true == found)
    assert len(agreed) > 38, "8 bits leave most answers of a random model as they are"
    # what the model says is taken for the truth, but for what 8 bits leave open
    small, told = rounded(one, exported, path, Chosen(data, agreed.tolist()), true[agreed])
    assert small.plate.precision == "int8"
    assert told.same_class == 1.0 and told.before == told.after
    ops = [node.op_type for node in onnx.load(path).graph.node]
    # of two blocks six products each; neither what makes tokens of pixels nor the head
    assert ops.count("MatMulInteger") == 12
    judging = small.plate.judging
    assert judging is not None and exported.plate.judging is not None
    assert judging.reject != exported.plate.judging.reject
    assert judging.digest != exported.plate.judging.digest
    assert told.sets is not None and told.sets.coverage >= 0.6  # alpha is 0.4
    assert told.rejected is not None and 0 < told.rejected <= 0.3


@pytest.mark.parametrize(
    ("before", "after", "samples", "kept"),
    [
        (0.610, 0.605, 195, True),  # one sample is more than 0.5 points of these
        (119 / 195, 117 / 195, 195, False),
        (0.5, 0.55, 20, True),
        (0.5, 0.6, 20, False),
        (0.900, 0.895, 2000, True),
        (0.900, 0.894, 2000, False),
        (0.894, 0.900, 2000, False),  # whatever moved it that far is no rounding
    ],
)
def test_how_far_accuracy_may_move(
    before: float,
    after: float,
    samples: int,
    kept: bool,
) -> None:
    assert as_accurate(before, after, samples) is kept


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda rgb: rgb / np.float32(255), "uint8"),  # bytes, whatever they are kept as
        (lambda rgb: (rgb / np.float32(255) + np.float32(0.3 / 255)).clip(0, 1), "float32"),
    ],
)
def test_what_colours_are(tmp_path: Path, made: Any, kind: str) -> None:
    rng = np.random.default_rng(1)
    seeds = [
        Sample(f"s{i}", "oat", None, made(rng.integers(0, 255, (48, 48, 3)).astype(np.uint8)), hs)
        for i, hs in enumerate(rng.random((3, 8, 8, 4), np.float32))
    ]
    write_tfrecords(tmp_path, seeds)
    assert colour_type(open_dataset(tmp_path, hs_size=None, rgb_size=None)) == kind


def test_eight_bits_that_cost_accuracy_are_refused(
    filters: tuple[Subject, Exported], data: SeedDataset, tmp_path: Path, monkeypatch: Any
) -> None:
    one, exported = filters
    chosen = Chosen(data, range(20))
    truth = chosen.of(exported).odds.argmax(axis=1)

    def broken(source: Path, plate: Nameplate, path: Path) -> None:
        model = onnx.load(source)
        for held in model.graph.initializer:
            if held.name == "classifier.head.weight":  # every class is taken for its neighbour
                values = np.roll(onnx.numpy_helper.to_array(held), 1, axis=0)
                held.CopyFrom(onnx.numpy_helper.from_array(values, held.name))
        onnx.save(model, path)

    monkeypatch.setattr("bimae.export.making.quantise", broken)
    with pytest.raises(ModelError, match=r"accuracy on 20 calibration samples is 0\.\d+, and 1\.0"):
        rounded(one, exported, tmp_path / "small.onnx", chosen, truth)


def test_files_that_are_none(tmp_path: Path, filters: tuple[Subject, Exported]) -> None:
    with pytest.raises(ModelError, match="found no such file"):
        open_onnx(tmp_path / "x.onnx")
    (tmp_path / "x.onnx").write_bytes(filters[1].path.read_bytes()[:5000])
    with pytest.raises(ModelError, match="not readable as ONNX"):
        open_onnx(tmp_path / "x.onnx")
    model = onnx.load(filters[1].path)
    known = {p.key: p.value for p in model.metadata_props}[KEY]
    for text, message in (
        (None, "says nothing of classes"),
        (known.replace('"format": 1', '"format": 99'), "has format 99"),
        (known.replace('"classes"', '"klasses"'), "is damaged"),
        ("[]", "is damaged"),
    ):
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {} if text is None else {KEY: text})
        onnx.save(model, tmp_path / "y.onnx")
        with pytest.raises(ModelError, match=message):
            open_onnx(tmp_path / "y.onnx")
