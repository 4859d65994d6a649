"""A head from discriminant analysis: one linear layer that says what the analysis says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bimae.data import open_dataset
from bimae.data.splits import split_dataset
from bimae.errors import DataError
from bimae.evaluate.answers import answers
from bimae.evaluate.discriminant import Discriminant
from bimae.evaluate.first_head import discriminant_head
from bimae.evaluate.looks import look
from tests.export.cases import classifier


def clouds(classes: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(classes), each)
    places = rng.normal(0, 1, (classes, 6)) * (1, 1, 30, 0.01, 1, 1)
    noise = rng.normal(0, 1, (len(truth), 6)) * (1, 2, 30, 0.01, 1, 0.1)
    return places[truth] + noise, truth


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("shrinkage", ["auto", 0.1, 0.9])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_layer_says_what_the_analysis_says(classes, shrinkage, balanced):
    features, truth = clouds(classes, 12)
    found = Discriminant(shrinkage, balanced=balanced).fit(features, truth)
    weights, bias = found.linear(classes)
    asked, _ = clouds(classes, 7, seed=1)
    np.testing.assert_allclose(
        softmax(asked @ weights.T + bias), found.predict_proba(asked), atol=1e-9
    )


def test_one_sample_of_each_class():
    features, truth = clouds(5, 1)
    found = Discriminant(1.0).fit(features, truth)
    weights, bias = found.linear(5)
    asked, _ = clouds(5, 20, seed=1)
    said = asked @ weights.T + bias
    assert np.array_equal(said.argmax(axis=1), found.predict_proba(asked).argmax(axis=1))
    own = softmax(features @ weights.T + bias)
    assert 0.5 < np.median(own.max(axis=1)) < 1


def test_a_class_without_a_sample_is_unlikely():
    features, truth = clouds(4, 6)
    seen = truth != 2
    found = Discriminant("auto").fit(features[seen], truth[seen])
    weights, bias = found.linear(4)
    odds = softmax(features[seen] @ weights.T + bias)
    assert odds.shape == (18, 4)
    assert odds[:, 2].max() < 0.01
    np.testing.assert_allclose(odds[:, [0, 1, 3]], found.predict_proba(features[seen]), atol=0.01)


@pytest.mark.parametrize("changes", [{}, {"modality": "rgb", "bands": ()}, {"pool": "raw_mean"}])
def test_a_classifier_gets_it(small_data, changes):
    samples = open_dataset(small_data)
    split = split_dataset(samples, seed=0)
    model = classifier(samples, **changes).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = discriminant_head(model, samples, split)
    assert model.training
    changed = [k for k, value in model.state_dict().items() if not torch.equal(value, before[k])]
    assert sorted(changed) == ["head.bias", "head.weight"]
    said = list(answers(model, samples, split.train, look(model, samples)))
    odds = np.concatenate([one.probabilities() for one in said])
    np.testing.assert_allclose(odds, found.predictions.probabilities, atol=1e-3)
    assert (odds.argmax(axis=1) == found.predictions.truth).mean() > 0.5


def test_one_class_is_not_enough(small_data):
    samples = open_dataset(small_data)
    split = split_dataset(samples, seed=0)
    of_one = tuple(i for i in split.train if samples.labels[i] == samples.labels[split.train[0]])
    with pytest.raises(DataError, match="the training part has one class only"):
        discriminant_head(classifier(samples), samples, replace(split, train=of_one))
