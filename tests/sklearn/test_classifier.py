"""The estimator among the tools of scikit-learn, and on every kind of X."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bimae.sklearn.classifier as ours
from bimae.data import open_dataset
from bimae.sklearn import BiMAEClassifier, as_samples
from tests.sklearn.small import SMALL


def small(**parameters: object) -> BiMAEClassifier:
    return BiMAEClassifier(**(SMALL | {"random_state": 0} | parameters))


def test_spectra_are_learned_without_a_word_or_a_file(
    spectra, tmp_path, monkeypatch, capfd, recwarn
):
    X, y = spectra
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    filters, generator = list(warnings.filters), torch.get_rng_state()
    estimator = small().fit(X, y)
    assert estimator.score(X, y) == 1
    assert list(estimator.classes_) == ["dark", "pale"]
    assert estimator.n_features_in_ == 5
    assert [row["epoch"] for row in estimator.history_] == list(range(SMALL["epochs"]))
    assert estimator.history_[-1]["train_loss"] < estimator.history_[0]["train_loss"]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert warnings.filters == filters
    assert torch.equal(torch.get_rng_state(), generator)


def test_the_bar_is_shown_where_it_is_asked_for(spectra, capfd):
    small(verbose=True, epochs=1).fit(*spectra)
    assert "fine-tuning" in capfd.readouterr().err


def test_a_seed_is_a_fit(spectra):
    X, y = spectra
    first, again, other = (
        small(epochs=2, random_state=seed).fit(X, y).predict_proba(X) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_tools_of_scikit_learn(spectra):
    X, y = spectra
    folds = StratifiedKFold(2)
    assert cross_val_score(small(), X, y, cv=folds).mean() == 1
    assert make_pipeline(StandardScaler(), small()).fit(X, y).score(X, y) == 1
    grid = GridSearchCV(small(), {"epochs": np.array([1, 14])}, cv=folds).fit(X, y)
    assert grid.best_params_ == {"epochs": 14}
    assert clone(grid.best_estimator_).get_params() == small(epochs=14).get_params()


def test_in_threads(spectra):
    with parallel_config(backend="threading", n_jobs=2):
        assert cross_val_score(small(), *spectra, cv=StratifiedKFold(2), n_jobs=2).mean() == 1


@pytest.mark.parametrize("modality", ["auto", "hs", "rgb"])
def test_both_views_and_each_alone(views, modality):
    both, y = views
    estimator = small(modality=modality, patch_size=4).fit(both, y)
    assert estimator.model_.config.modality == {"auto": "bimodal"}.get(modality, modality)
    assert estimator.score(both, y) == 1
    if modality == "auto":
        with pytest.raises(ValueError, match="modality is bimodal, but X has no RGB images"):
            estimator.predict(both["hs"])
    else:
        alone = both["rgb" if modality == "rgb" else "hs"]
        assert np.array_equal(estimator.predict_proba(alone), estimator.predict_proba(both))


def test_any_sensor_answers_for_a_view_that_is_alone(views):
    both, y = views
    estimator = small(any_sensor=True, patch_size=4, epochs=20).fit(both, y)
    for views_there in (both, {"hs": both["hs"]}, {"rgb": both["rgb"]}):
        assert estimator.score(views_there, y) == 1


def test_counts_and_sizes_that_differ_from_a_square(views):
    both, y = views
    oblong = (both["hs"][:, :2] * 255).astype(np.uint8)
    estimator = small(hs_size=4).fit(oblong, y)
    assert estimator.model_.config.model.hs_size == 4
    assert estimator.score(oblong, y) == 1


def test_lists_of_samples_can_be_shared_out(views):
    both, y = views
    samples = as_samples(both["hs"], both["rgb"], y)
    estimator = small(patch_size=4)
    assert cross_val_score(estimator, samples, y, cv=StratifiedKFold(2)).mean() == 1
    told = estimator.fit(samples)  # labels of their own
    assert np.array_equal(told.predict_proba(samples), told.predict_proba(both))
    assert np.array_equal(
        clone(estimator).fit(both, y).predict_proba(both), told.predict_proba(both)
    )


def test_records(small_data):
    samples = open_dataset(small_data)
    estimator = small(modality="hs", bands="step_4", epochs=2, band_positions="wavelength")
    estimator.fit(samples)
    assert list(estimator.classes_) == samples.classes
    assert estimator.model_.config.wavelengths_nm == samples.wavelengths_nm
    assert estimator.predict(small_data).shape == (len(samples),)
    assert np.array_equal(estimator.predict(samples[:3]), estimator.predict(samples)[:3])
    assert estimator.score(small_data) == estimator.score(samples, samples.labels)


def test_a_share_chooses_the_best_epoch(spectra):
    X, y = spectra
    estimator = small(validation_fraction=0.25, epochs=3).fit(X, y)
    assert {"val_loss", "val_macro_f1"} <= set(estimator.history_[-1])


def test_weights_move_answers(spectra):
    X, y = spectra
    muddled = np.where(np.arange(24) % 4 < 2, y, y[::-1])  # half of the labels are wrong
    plain = small(epochs=4).fit(X, muddled).predict_proba(X)[:, 1]
    heavy = small(epochs=4, class_weight={"dark": 1, "pale": 9}).fit(X, muddled).predict_proba(X)
    assert heavy[:, 1].mean() > plain.mean() + 0.1
    same = small(epochs=4).fit(X, muddled, np.where(muddled == "pale", 9.0, 1.0)).predict_proba(X)
    assert np.allclose(same, heavy)
    balanced = small(epochs=4, class_weight="balanced").fit(X, muddled).predict_proba(X)[:, 1]
    assert np.allclose(balanced, plain)  # they are as many


def test_a_sample_that_counts_nothing_is_not_there(spectra):
    X, y = spectra
    wrong = np.concatenate([X, X]), np.concatenate([y, y[::-1]])
    counts = np.repeat([1.0, 0.0], 24)
    assert np.array_equal(
        small().fit(*wrong, sample_weight=counts).predict_proba(X),
        small().fit(X, y).predict_proba(X),
    )


def test_mistakes_are_told_as_scikit_learn_tells_them(spectra, tmp_path):
    X, y = spectra
    with pytest.raises(NotFittedError):
        small().predict(X)
    fitted = small(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="X has 4 features, but BiMAEClassifier is expecting 5"):
        fitted.predict(X[:, :4])
    with pytest.raises(ValueError, match="cubes of several pixels, where spectra are expected"):
        fitted.predict(np.ones((2, 3, 3, 5)))
    cubes = np.ones((2, 1, 1, 4))
    with pytest.raises(ValueError, match="X has 4 bands, but BiMAEClassifier is expecting 5"):
        fitted.predict(cubes)
    for wrong, y_wrong, message in (
        (X, ["dark"] * 24, "one class only .*at least two classes"),
        (X[:, :, None], y, "dim 3|expected 2"),
        (np.ones((24, 5, 7, 7)), y, "bands are expected last: np.moveaxis"),
        ({"hs": X, "RGB": X}, y, "keys .*'hs' and 'rgb' are expected"),
        ({"hs": X, "rgb": np.ones((23, 24, 24, 3))}, y, "hs 24, rgb 23"),
        ({"rgb": np.full((24, 24, 24, 3), 255.0)}, y, "from 255 to 255"),
        ({"hs": X * np.nan}, y, "not finite"),
        ({"hs": X}, y[:3], "24 samples, y 3 classes"),
        ({"hs": X}, None, "requires y"),
        (str(tmp_path), None, "found no TFRecords"),
    ):
        with pytest.raises(ValueError, match=message):
            small().fit(wrong, y_wrong)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"scale": "log"}, "scale is 'log'; choose one of before, after, standard"),
        ({"precision": "16"}, "precision is '16'; choose one of auto, 32"),
        ({"modality": "nir"}, "modality is 'nir'; choose one of bimodal, hs, rgb"),
        ({"bands": "480nm"}, "wavelengths"),
        ({"bands": "9"}, "9"),
        ({"wavelengths_nm": [500, 600]}, "2 wavelengths for images of 5 bands"),
        ({"heads": 3}, "width 8 is not a multiple of heads 3"),
        ({"modality": "rgb"}, "rgb has shape"),
        ({"weights": "nowhere"}, "nowhere: does not exist"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"options": {"croop": 0.1}}, "options names 'croop'; choose of"),
        ({"options": {"epochs": 3}}, "options names 'epochs'; that is a parameter"),
        ({"options": {"class_weights": "sqrt"}}, "that is the parameter class_weight"),
        ({"options": {"crop": 0}}, "crop is 0"),
        ({"class_weight": "heavy"}, "balanced"),
    ],
)
def test_a_parameter_that_cannot_be_says_so(spectra, parameters, message):
    with pytest.raises(ValueError, match=message):
        small(**parameters).fit(*spectra)


def test_options_of_the_command_line_reach_the_training(spectra):
    X, y = spectra
    plain = small(epochs=2).fit(X, y).predict_proba(X)
    smooth = small(epochs=2, options={"label_smoothing": 0.9}).fit(X, y).predict_proba(X)
    assert np.ptp(smooth[:, 0]) < np.ptp(plain[:, 0])


def test_nothing_shadows_scikit_learn():
    assert Path(sklearn.__file__).parent.name == "sklearn"
    assert "bimae" not in sklearn.__file__
    assert ours.ClassifierMixin is sklearn.base.ClassifierMixin


def test_a_discriminant_beside_the_network_or_alone() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], 20)
    centres = rng.normal(100, 10, (3, 12))
    x = np.clip(centres[np.repeat(np.arange(3), 20)] + rng.normal(0, 3, (60, 12)), 1, 250)
    alone = BiMAEClassifier(epochs=0, random_state=0, options={"discriminant": True}).fit(x, y)
    assert alone.score(x, y) > 0.9
    both = BiMAEClassifier(epochs=1, random_state=0, options={"discriminant": True}).fit(x, y)
    assert both.score(x, y) > 0.9
    counts = np.ones(60)
    counts[:5] = 2
    with pytest.raises(ValueError, match="counts all samples alike"):
        alone.fit(x, y, sample_weight=counts)
