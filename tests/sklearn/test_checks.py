"""The checks of scikit-learn itself (`check_estimator`), all of them."""

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from bimae.sklearn import BiMAEClassifier
from tests.sklearn.small import SMALL

CANNOT_APPLY = {
    "check_sample_weight_equivalence_on_dense_data": (
        "batches are drawn at random: a sample that is there twice is met in two steps, one of "
        "weight 2 in one. Nor do weights count in the mean and deviation of a band"
    ),
}


@parametrize_with_checks(
    [BiMAEClassifier(**SMALL)], expected_failed_checks=lambda estimator: CANNOT_APPLY
)
def test_a_check_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.parametrize("name", CANNOT_APPLY)
def test_what_cannot_apply_has_a_name_that_scikit_learn_knows(name: str) -> None:
    assert hasattr(estimator_checks, name)
