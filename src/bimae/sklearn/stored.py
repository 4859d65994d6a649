"""A fitted estimator as a folder: the model, and beside it what scikit-learn knows of it.

model/               a model folder like any other
scikit-learn.json    parameters, classes, names of columns
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bimae import __version__
from bimae.errors import ModelError
from bimae.model import SeedClassifier, model_folder
from bimae.storage import atomic_folder

FILE = "scikit-learn.json"
OPTIONAL = ("n_features_in_", "feature_names_in_")
E = TypeVar("E")


def save(estimator: Any, folder: Path) -> Path:
    """Writes a fitted estimator, whole or not at all."""
    told = {
        "bimae": __version__,
        "parameters": {k: _plain(v) for k, v in estimator.get_params(deep=False).items()},
        "classes": _plain(estimator.classes_),
        "dtype": estimator.classes_.dtype.str,
        "history": estimator.history_,
    }
    told |= {k: _plain(getattr(estimator, k)) for k in OPTIONAL if hasattr(estimator, k)}
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    with atomic_folder(folder) as temporary:
        estimator.model_.save_pretrained(temporary / "model")
        (temporary / FILE).write_text(text, encoding="utf-8")
    return folder


def load(kind: type[E], folder: Path) -> E:
    """Reads a fitted estimator; of a model that has never been one, what the model itself tells.

    Raises:
        ModelError: There is no classifier, or it is damaged.
    """
    model = SeedClassifier.from_pretrained(folder)
    config, file = model.config, model_folder(folder).parent / FILE
    told: dict[str, Any] = {}
    if file.is_file():
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            parameters = {k: _back(v) for k, v in told["parameters"].items()}
            classes = np.array(told["classes"], dtype=np.dtype(told["dtype"]))
            estimator: Any = kind(**parameters)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{file}: is damaged ({error}); save the estimator again") from error
        if [str(one) for one in classes] != list(config.classes):
            raise ModelError(f"{file}: its classes are not those of the model; save it again")
    else:
        estimator = kind()
        classes = np.array(config.classes)
        told = {} if config.modality == "rgb" else {"n_features_in_": config.model.bands}
    estimator.classes_, estimator.model_ = classes, model
    estimator.history_ = told.get("history", [])
    estimator.n_iter_ = len(estimator.history_)
    for name in OPTIONAL:
        if name in told:
            value = told[name]
            known = np.array(value, dtype=object) if isinstance(value, list) else value
            setattr(estimator, name, known)
    found: E = estimator
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it; a generator of random numbers has no place there."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):  # keys of JSON are text, classes may be numbers
        return {"pairs": [[_plain(key), _plain(one)] for key, one in value.items()]}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(one) for one in value]
    return value


def _back(value: Any) -> Any:
    return dict(value["pairs"]) if isinstance(value, dict) else value
