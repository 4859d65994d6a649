"""BiMAE as a scikit-learn estimator: `from bimae.sklearn import BiMAEClassifier`."""

from bimae.sklearn.classifier import BiMAEClassifier
from bimae.sklearn.inputs import as_samples

__all__ = ["BiMAEClassifier", "as_samples"]
