"""The estimator.

Shapes: N samples, C bands, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from bimae.errors import BimaeError
from bimae.model.config import BandPositions, BandTokens, Modality, Pool, Scale
from bimae.sklearn import stored
from bimae.sklearn.inputs import Seen, is_table, seen, seen_table
from bimae.sklearn.learning import Plan, answer, learn_from
from bimae.train.options import Precision

Labels = NDArray[Any]


class BiMAEClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A BiMAE classifier with the face of scikit-learn.

    It is trained by the same code as `bimae finetune`, on a GPU where there is one. `X` may be

    - spectra [N, C], as every estimator of scikit-learn takes them (each is a cube of one pixel);
    - cubes [N, h, w, C], bands last, counts (uint8) or reflectance;
    - RGB images [N, H, W, 3], uint8 or in [0, 1], with `modality="rgb"`;
    - both views, `{"hs": cubes or spectra, "rgb": images}`;
    - a list of `bimae.data.Sample` (`as_samples` makes one of arrays), which scikit-learn can share
      out where a mapping cannot be;
    - records: a `SeedDataset`, or the path of TFRecords. All samples are used, whatever part of a
      split they are in: for one part, `[samples[i] for i in split.train]`.

    Of the last two `y` may be left out: the labels are then those of the data. Cubes and images
    that are no squares of one size are brought to one, as in `bimae finetune`.

    Args:
        modality: Views to look at, `bimodal`, `hs` or `rgb`; `auto`: those that X has.
        weights: Pretraining run, model folder or `hf://owner/name` to start from; its sizes, its
            bands and, where `scale` is None, its scale are taken. None: from scratch.
        width: Width of a token (tiny of the paper: 192).
        depth: Blocks of the encoder (12).
        heads: Attention heads of a block (3).
        patch_size: Side of an RGB tile in pixels, which must divide the side of the images; None:
            24.
        hs_size: Side to bring cubes to; None: their own.
        rgb_size: Side to bring RGB images to; None: their own.
        bands: Bands that are read: `all`, `step_60`, `0,60,120`, `450-680nm`, `490nm@30`, ...
        wavelengths_nm: Band centres in nm; None: as records tell, else unknown.
        scale: `standard` brings each band to its mean and deviation, `shape` and `whitened` take
            off brightness too and need values above 0, `before` and `after` scale each pixel over
            its bands. None: that of `weights`, or `standard`.
        band_positions: What tells bands apart, `learned` or `wavelength`.
        band_tokens: How a band's token is made, `sum` or `product`.
        pool: `mean`, `raw_mean` or `token`.
        any_sensor: Learn to answer for one view or both, all bands or some; needs both views.
        epochs: Times that every sample is seen.
        batch_size: Samples of a step.
        learning_rate: Its peak.
        weight_decay: Of AdamW.
        freeze_encoder: Learn the last layer only, over the encoder of `weights` as it is.
        class_weight: None, `balanced`, or a weight for each class, as everywhere in scikit-learn.
        validation_fraction: Share of X that is not learned from, but chooses the best epoch by
            macro-F1; 0: all are learned from, and the last epoch is taken.
        options: Any other option of `bimae finetune` by name, such as `{"crop": 0.1}`.
        precision: `32`, or `auto` for the faster arithmetic of this machine, which may differ from
            one run to the next by its rounding.
        random_state: Seed of the weights, the order and the flips.
        verbose: Whether to show a progress bar.

    Attributes:
        classes_: [K] the classes.
        n_features_in_: Bands C of X; not there where it was fitted on RGB images alone.
        feature_names_in_: Names of the columns, where X was a table that has such.
        model_: The `SeedClassifier`.
        history_: A row for each epoch: learning rate, loss and other figures.
        n_iter_: Epochs.
    """

    def __init__(
        self,
        *,
        modality: Modality | Literal["auto"] = "auto",
        weights: Path | str | None = None,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        patch_size: int | None = None,
        hs_size: int | None = None,
        rgb_size: int | None = None,
        bands: str = "all",
        wavelengths_nm: Sequence[float] | None = None,
        scale: Scale | None = None,
        band_positions: BandPositions = "learned",
        band_tokens: BandTokens = "product",
        pool: Pool = "mean",
        any_sensor: bool = False,
        epochs: int = 50,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
        freeze_encoder: bool = False,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        validation_fraction: float = 0.0,
        options: Mapping[str, Any] | None = None,
        precision: Precision = "32",
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.modality = modality
        self.weights = weights
        self.width = width
        self.depth = depth
        self.heads = heads
        self.patch_size = patch_size
        self.hs_size = hs_size
        self.rgb_size = rgb_size
        self.bands = bands
        self.wavelengths_nm = wavelengths_nm
        self.scale = scale
        self.band_positions = band_positions
        self.band_tokens = band_tokens
        self.pool = pool
        self.any_sensor = any_sensor
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.freeze_encoder = freeze_encoder
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.options = options
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learns.

        Args:
            X: See the class.
            y: [N] classes; None: the labels of records.
            sample_weight: [N] what each sample counts; one of weight 0 is not learned from.

        Raises:
            ValueError: X, y or a parameter is not what it should be; the message says what.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with _value_errors():
            plan = Plan.of(self.get_params(deep=False), seed)
            found, truth = self._to_learn(X, y, plan)
            counts = self._counts(X, truth, sample_weight)
            self.classes_, numbers = np.unique(truth, return_inverse=True)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y holds one class only ({self.classes_[0]!r}); a classifier needs samples of "
                    "at least two classes"
                )
            names = [str(one) for one in self.classes_]
            samples = found.samples(
                [names[number] for number in numbers],
                names,
                wavelengths_nm=self.wavelengths_nm,
                **plan.sizes_for(found),
            )
            self.model_, self.history_ = learn_from(plan, samples, found.modality, counts)
        self.n_iter_ = len(self.history_)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities [N, K] of the classes, as the network says them (not calibrated).

        Args:
            X: See the class; of the kind that it was fitted on.

        Raises:
            ValueError: X is not what it should be, or of another sensor.
        """
        check_is_fitted(self)
        config = self.model_.config
        with _value_errors():
            found = self._to_answer(X)
            own = config.wavelengths_nm if found.bands == config.model.bands else None
            samples = found.samples(
                [None] * found.count,
                config.classes,
                hs_size=config.model.hs_size,
                rgb_size=config.model.rgb_size,
                wavelengths_nm=found.info.wavelengths_nm or own,
            )
            return answer(self.model_, samples, found.modality)

    def predict(self, X: Any) -> Labels:
        """The likeliest class [N] of each sample; see `predict_proba`."""
        found = self.predict_proba(X)
        likeliest: Labels = self.classes_[found.argmax(axis=1)]
        return likeliest

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Accuracy; `y` may be None where X knows its labels."""
        check_is_fitted(self)
        if y is None:
            with _value_errors():
                y = _own_labels(self._to_answer(X))
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def save(self, folder: Path | str) -> Path:
        """Writes the fitted estimator to a folder, nothing pickled; an older one is replaced.

        Its `model` folder is one that `bimae predict`, `evaluate` and `calibrate` take too.

        Returns:
            The folder.
        """
        check_is_fitted(self)
        return stored.save(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """The estimator that `save` wrote, or one around a model of `bimae finetune`.

        Raises:
            ValueError: The folder holds no classifier, or one that is damaged.
        """
        with _value_errors():
            found: Self = stored.load(cls, Path(folder))
        return found

    def _to_learn(self, X: Any, y: Any, plan: Plan) -> tuple[Seen, Labels]:
        """Samples, and the class of each."""
        if is_table(X, self.modality):
            X, y = validate_data(self, X, y, dtype=np.float32)
            check_classification_targets(y)
            return seen_table(X), y
        found = seen(X, self.modality, plan.asked_sizes)
        _remember(self, found.bands)
        if y is None:
            return found, _own_labels(found)
        y = column_or_1d(y, warn=True)
        if len(y) != found.count:
            raise ValueError(
                f"X holds {found.count} samples, y {len(y)} classes; as many are expected"
            )
        check_classification_targets(y)
        return found, y

    def _to_answer(self, X: Any) -> Seen:
        """Samples of the sensor that it was fitted on, or of any that it can turn to."""
        modality = self.model_.config.modality
        if is_table(X, modality):
            return seen_table(validate_data(self, X, dtype=np.float32, reset=False))
        model = self.model_.config.model
        found = seen(X, modality, {"hs_size": model.hs_size, "rgb_size": model.rgb_size})
        turns = model.band_positions == "wavelength" and found.info.wavelengths_nm is not None
        expected = getattr(self, "n_features_in_", None)
        if None not in (expected, found.bands) and found.bands != expected and not turns:
            raise ValueError(
                f"X has {found.bands} bands, but {type(self).__name__} is expecting {expected} "
                "bands as input"
            )
        return found

    def _counts(self, X: Any, truth: Labels, sample_weight: Any) -> NDArray[np.float64]:
        """[N] what each sample counts: its own weight times that of its class."""
        found = np.ones(len(truth))
        if sample_weight is not None:
            found = np.array(_check_sample_weight(sample_weight, truth[:, None], dtype=np.float64))
            if (found < 0).any() or not found.any():
                raise ValueError(
                    "sample_weight holds values below 0, or 0 only; weights above 0 are expected"
                )
        weights: NDArray[np.float64] = found * compute_sample_weight(self.class_weight, truth)
        return weights


def _remember(estimator: BiMAEClassifier, bands: int | None) -> None:
    """`n_features_in_` of X that is no table, and none of the names that an earlier one had."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            delattr(estimator, name)
    if bands is not None:
        estimator.n_features_in_ = bands


def _own_labels(found: Seen) -> Labels:
    """The labels that the data know."""
    if found.labels is None or None in found.labels:
        where = "" if found.labels is None else f"[{list(found.labels).index(None)}]"
        raise ValueError(
            f"requires y to be passed, but the target y is None and X{where} knows no label"
        )
    return np.array(found.labels)


@contextmanager
def _value_errors() -> Iterator[None]:
    """What a user of this package gets wrong, as what users of scikit-learn expect to catch."""
    try:
        yield
    except BimaeError as error:
        raise ValueError(str(error)) from error
