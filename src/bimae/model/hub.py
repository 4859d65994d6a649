"""Model folders on the Hugging Face Hub: addresses such as hf://laboratory/seeds.

The address has a protocol, since `runs/b` would be a name on the Hub too, and a mistyped folder
must not become a request to somebody's server.
"""

import re
from functools import cache
from pathlib import Path

from bimae.errors import ModelError

_ADDRESS = re.compile(
    r"hf:/{1,2}([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?"
)  # pathlib makes hf:/ of hf://
# Nothing else is fetched: a repository may hold anything, and gigabytes of it.
_WANTED = [
    "config.json", "model.safetensors", "about.json", "calibration.safetensors", "seen.json",
    "README.md",
]  # fmt: skip


def is_address(path: Path | str) -> bool:
    """Whether this means a model on the Hub."""
    return str(path).startswith("hf:/")


def fetched(path: Path | str) -> Path:
    """The folder of this machine that holds a model of the Hub; fetched where it is not there yet.

    Args:
        path: `hf://owner/name`, or `hf://owner/name@revision`.

    Raises:
        ModelError: Not such an address, the package huggingface_hub is missing, or the model cannot
            be fetched.
    """
    found = _ADDRESS.fullmatch(str(path))
    if found is None:
        raise ModelError(f"{path}: expected hf://owner/name or hf://owner/name@revision")
    return _snapshot(found[1], found[2])


@cache  # within one command a model is asked for more than once
def _snapshot(name: str, revision: str | None) -> Path:
    address = f"hf://{name}{f'@{revision}' if revision else ''}"
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra, and slow
    except ImportError as error:
        raise ModelError(
            f"{address}: needs a package that is not there; pip install 'bimae[hub]'"
        ) from error
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED))
    except Exception as error:  # of the network, of the Hub, of the disk: many kinds
        told = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{address}: cannot be fetched ({type(error).__name__}: {told}); check the name, the "
            "network, and HF_TOKEN if it is private"
        ) from error
