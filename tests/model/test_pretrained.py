import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bimae.errors import ModelError
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier, model_kind
from tests.model.small import CONFIG, images


def test_round_trip(tmp_path: Path) -> None:
    model = BiMAE(CONFIG, generator=torch.Generator().manual_seed(2)).eval()
    model.save_pretrained(tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    again = BiMAE.from_pretrained(tmp_path)  # the run folder around it will do
    assert again.config == CONFIG
    assert torch.equal(again.encode(*images()), model.encode(*images()))
    assert not again.training
    assert model_kind(tmp_path) == "BiMAE"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]  # no temporary folder is left
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o044  # colleagues may read


def test_classifier_round_trip(tmp_path: Path) -> None:
    config = ClassifierConfig(CONFIG, ("b. napus", "ä"), "hs", (3, 1), "token", "after", (1.0, 2.0))
    model = SeedClassifier(config)
    again = SeedClassifier.from_pretrained(model.save_pretrained(tmp_path / "m"))
    assert again.config == config
    hs = images()[0][:, [3, 1]]
    assert torch.equal(again(hs), model.eval()(hs))


def test_saving_replaces(tmp_path: Path) -> None:
    for seed in (1, 2):
        model = BiMAE(CONFIG, generator=torch.Generator().manual_seed(seed))
        model.save_pretrained(tmp_path / "m")
    assert torch.equal(BiMAE.from_pretrained(tmp_path / "m").hs_mask_patch, model.hs_mask_patch)
    assert len(list(tmp_path.iterdir())) == 1


def _break(folder: Path, how: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    state = load_file(weights)
    described = json.loads(config.read_text())
    if how == "missing weight":
        del state["hs_mask_patch"]
    elif how == "unexpected weight":
        state["extra"] = torch.zeros(1)
    elif how == "wrong shape":
        state["hs_mask_patch"] = torch.zeros(3)
    elif how == "unknown key":
        described["colour"] = 1
    elif how == "bad size":
        described["heads"] = 5
    elif how == "wrong kind":
        described["width"] = "wide"
    save_file(state, weights)
    config.write_text(json.dumps(described))
    if how == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "no json":
        config.write_text("{")
    elif how == "no weights":
        weights.unlink()
    elif how == "json list":
        config.write_text("[]")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("missing weight", "missing hs_mask_patch"),
        ("unexpected weight", "unexpected extra"),
        ("wrong shape", r"hs_mask_patch has shape \[3\], expected \[36\]"),
        ("unknown key", "unknown key 'colour'"),
        ("bad size", "not a multiple of heads 5"),
        ("wrong kind", "wrong kind"),
        ("truncated", "model.safetensors: not readable"),
        ("no json", "not readable as JSON"),
        ("no weights", "not readable"),
        ("json list", "an object is expected"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, how: str, told: str) -> None:
    folder = BiMAE(CONFIG).save_pretrained(tmp_path / "m")
    _break(folder, how)
    with pytest.raises(ModelError, match=told) as caught:
        BiMAE.from_pretrained(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_the_other_kind_and_no_model(tmp_path: Path) -> None:
    BiMAE(CONFIG).save_pretrained(tmp_path / "m")
    with pytest.raises(ModelError, match=r"holds a pretrained model \(BiMAE\), but a fine-tuned"):
        SeedClassifier.from_pretrained(tmp_path / "m")
    with pytest.raises(ModelError, match="does not exist"):
        BiMAE.from_pretrained(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no model"):
        BiMAE.from_pretrained(tmp_path / "empty")
