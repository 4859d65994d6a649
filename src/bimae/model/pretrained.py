"""A model folder: `model.safetensors` and `config.json`, written whole, read strictly.

Own code instead of huggingface_hub's mixin: that one ignores unknown keys, reports misfits as a
traceback, writes file by file, and adds a model card that nobody wrote.
"""

import json
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from bimae.errors import ConfigError, ModelError
from bimae.model import hub
from bimae.model.classifier_config import ClassifierConfig, config_from_dict, config_to_dict
from bimae.model.config import ModelConfig
from bimae.storage import atomic_folder

Config = TypeVar("Config", ModelConfig, ClassifierConfig)

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
MEANING = {
    "BiMAE": "a pretrained model (BiMAE)",
    "SeedClassifier": "a fine-tuned classifier (SeedClassifier)",
}


class Pretrained(Generic[Config]):
    """`save_pretrained` and `from_pretrained` for a module that is made from one config."""

    config: Config
    config_kind: ClassVar[type[Any]]

    def save_pretrained(self, path: Path | str) -> Path:
        """Writes the model folder `path`, replacing an older one.

        Returns:
            The folder.
        """
        assert isinstance(self, nn.Module)
        path = Path(path)
        described = {"kind": type(self).__name__, **config_to_dict(self.config)}
        weights = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        with atomic_folder(path) as folder:
            save_file(weights, folder / WEIGHTS_FILE)
            (folder / CONFIG_FILE).write_text(
                json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
        return path

    @classmethod
    def from_pretrained(cls, path: Path | str) -> Self:
        """Reads a model folder, or the `model` folder inside a run folder.

        Args:
            path: The folder, or `hf://owner/name` on the Hugging Face Hub.

        Returns:
            The model, on the CPU, in evaluation mode.

        Raises:
            ModelError: Not a model folder, a model of another kind, a damaged file, or weights
                that are missing, unexpected or of another shape; each is named.
        """
        folder = model_folder(path)
        config = cls.read_config(folder)
        model = cls(config)  # type: ignore[call-arg]
        assert isinstance(model, nn.Module)
        file = folder / WEIGHTS_FILE
        try:
            weights = load_file(file)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{file}: not readable ({error}); copy the folder again") from error
        _load_strictly(model, weights, file)
        return model.eval()

    @classmethod
    def read_config(cls, folder: Path) -> Config:
        """The configuration in a model folder, without its weights.

        Raises:
            ModelError: It is damaged, or of a model of another kind.
        """
        config: Config = _read_config(cls, folder)
        return config


def model_folder(path: Path | str) -> Path:
    """The model folder that `path` means: itself, or `path/model`.

    Args:
        path: A folder, or an address on the Hugging Face Hub (`hf://owner/name`).

    Raises:
        ModelError: Neither holds a `config.json`, or the address cannot be fetched.
    """
    path = hub.fetched(path) if hub.is_address(path) else Path(path)
    for folder in (path, path / "model"):
        if (folder / CONFIG_FILE).is_file():
            return folder
    there = "holds no model" if path.is_dir() else "is a file"
    if path.suffix.lower() in (".onnx", ".pt2"):
        there = "is an exported file, for answers alone (bimae predict takes .onnx)"
    reason = there if path.exists() else "does not exist"
    raise ModelError(
        f"{path}: {reason}; a run folder or a folder with {CONFIG_FILE} and {WEIGHTS_FILE} "
        "is expected"
    )


def results_folder(path: Path | str) -> Path:
    """Where what is found out about a model goes by default.

    Its run folder; the current one for a model of the Hub, whose copy is not ours to write in.

    Raises:
        ModelError: As `model_folder`.
    """
    return Path() if hub.is_address(path) else model_folder(path).parent


def model_kind(path: Path | str) -> str:
    """`BiMAE` or `SeedClassifier`: which of the two a model folder holds.

    Raises:
        ModelError: Not a model folder.
    """
    return str(read_json(model_folder(path) / CONFIG_FILE).get("kind"))


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object that a model folder holds.

    Raises:
        ModelError: The file cannot be read, or holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: not readable as JSON ({error}); copy it again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{file}: an object is expected, found {type(found).__name__}")
    return found


def _read_config(cls: type[Any], folder: Path) -> Any:
    file = folder / CONFIG_FILE
    described = read_json(file)
    kind = described.pop("kind", None)
    if kind != cls.__name__:
        raise ModelError(
            f"{file}: holds {MEANING.get(str(kind), kind)}, but {MEANING[cls.__name__]} is "
            "expected here"
        )
    try:
        return config_from_dict(cls.config_kind, described)
    except ConfigError as error:
        raise ModelError(f"{file}: {'; '.join(str(error).splitlines())}") from error


def _load_strictly(model: nn.Module, weights: dict[str, torch.Tensor], file: Path) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if expected == found:
        model.load_state_dict(weights)
        return
    problems = [f"missing {name}" for name in expected if name not in found]
    problems += [f"unexpected {name}" for name in found if name not in expected]
    problems += [
        f"{name} has shape {list(found[name])}, expected {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    raise ModelError(f"{file}: does not fit its {CONFIG_FILE}: {'; '.join(problems)}")
