"""Estimators as folders, pretrained weights, and models of the command line."""

import json

import numpy as np
import pytest

from bimae.data import open_dataset
from bimae.model import BiMAE, ModelConfig, SeedClassifier
from bimae.sklearn import BiMAEClassifier
from tests.sklearn.small import SMALL


@pytest.mark.parametrize("classes", [["a", "b"], [3, -1], [1.0, 2.0], [True, False]])
def test_what_is_loaded_is_what_was_saved(spectra, tmp_path, classes):
    X, y = spectra
    named = np.array(classes)[(y == "pale").astype(int)]
    weights = dict.fromkeys(classes, 1.0)
    estimator = BiMAEClassifier(
        **SMALL,
        class_weight=weights,
        random_state=np.random.RandomState(0),
        wavelengths_nm=(1, 2, 3, 4, 5),
    ).fit(X, named)
    folder = estimator.save(tmp_path / "kept")
    assert folder == estimator.save(folder)  # once more, over it
    assert {p.name for p in folder.iterdir()} == {"model", "scikit-learn.json"}
    loaded = BiMAEClassifier.load(folder)
    assert loaded.classes_.dtype == estimator.classes_.dtype
    assert np.array_equal(loaded.predict(X), estimator.predict(X))
    assert np.array_equal(loaded.predict_proba(X), estimator.predict_proba(X))
    assert loaded.history_ == estimator.history_
    assert loaded.class_weight == weights
    again = loaded.set_params(random_state=0, epochs=20).fit(X, named)  # a RandomState is not kept
    assert again.score(X, named) == 1
    with pytest.raises(ValueError, match="X has 4 features"):
        loaded.predict(X[:, :4])


def test_a_model_of_the_command_line(small_data, tmp_path):
    samples = open_dataset(small_data)
    estimator = BiMAEClassifier(**(SMALL | {"epochs": 1}), modality="hs").fit(samples)
    estimator.model_.save_pretrained(tmp_path / "run" / "model")  # as `bimae finetune` leaves it
    loaded = BiMAEClassifier.load(tmp_path / "run")
    assert np.array_equal(loaded.predict(samples), estimator.predict(samples))
    assert loaded.n_features_in_ == samples.bands


def test_damage_is_told(spectra, tmp_path):
    folder = BiMAEClassifier(**SMALL).fit(*spectra).save(tmp_path / "kept")
    file = folder / "scikit-learn.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"classes": ["dark", "light"]}))
    with pytest.raises(ValueError, match="its classes are not those of the model"):
        BiMAEClassifier.load(folder)
    file.write_text("{")
    with pytest.raises(ValueError, match="json: is damaged"):
        BiMAEClassifier.load(folder)
    with pytest.raises(ValueError, match="does not exist"):
        BiMAEClassifier.load(tmp_path / "nowhere")


def test_pretrained_weights_and_their_sizes(spectra, views, tmp_path):
    sizes = {"width": 8, "depth": 1, "heads": 1, "bands": 5, "hs_size": 3, "rgb_size": 8}
    masks = {"hs_mask_ratio": 0.5, "rgb_mask_ratio": 0.5, "hs_target_ratio": 1}
    pretrained = BiMAE(ModelConfig(**sizes, **masks, patch_size=4, fusion_heads=1))
    pretrained.save_pretrained(tmp_path / "weights")
    both, y = views
    frozen = BiMAEClassifier(weights=tmp_path / "weights", freeze_encoder=True, epochs=1)
    frozen.fit(both, y)
    kept = frozen.model_.trunk.state_dict()
    assert all(
        np.array_equal(kept[k], v) for k, v in pretrained.trunk.state_dict().items() if k in kept
    )
    assert frozen.model_.config.scale == "before"  # as the weights were pretrained
    table = BiMAEClassifier(weights=tmp_path / "weights", epochs=1).fit(*spectra)
    assert table.model_.config.model.hs_size == 3  # a spectrum is the same all over the cube
    assert isinstance(table.model_, SeedClassifier)
    with pytest.raises(ValueError, match="hs_size 2 is asked for"):
        BiMAEClassifier(weights=tmp_path / "weights", hs_size=2).fit(both, y)
    with pytest.raises(ValueError, match="images have 4 bands, but the model has positions for 5"):
        BiMAEClassifier(weights=tmp_path / "weights").fit(spectra[0][:, :4], y)
