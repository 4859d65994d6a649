"""`bimae import-official`: the authors' released weights as a model folder."""

from dataclasses import dataclass
from pathlib import Path

from bimae.cli.parse import parse

ABOUT = (
    "Reads the weights file that the authors' pretraining code saves (Keras 3) and writes a model "
    "folder for --weights. Tokenizers and encoder transfer; fusion and decoders start afresh."
)
EXAMPLE = "bimae import-official FILE.weights.h5 --out official"


@dataclass(frozen=True)
class ImportOptions:
    """Options of the import."""

    file: Path
    """The authors' .weights.h5 file."""
    out: Path
    """Model folder to write."""


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        ImportOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("file",)
    )
    run(options)


def run(options: ImportOptions) -> None:
    """Reads, writes, and says what sizes were found."""
    import h5py
    import numpy as np

    from bimae.errors import ConfigError, ModelError
    from bimae.model.official import from_official

    if options.out.exists() and not (options.out / "config.json").is_file():
        raise ConfigError(f"{options.out}: exists and is no model folder; name another --out")
    arrays = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item)

    try:
        with h5py.File(options.file, "r") as file:
            file.visititems(take)
    except OSError as error:
        raise ModelError(
            f"{options.file}: not readable as HDF5 ({error}); the authors' .weights.h5 is expected"
        ) from error
    model = from_official(arrays, str(options.file))
    model.save_pretrained(options.out)
    c = model.config
    print(
        f"{options.file}: width {c.width}, {c.depth} blocks, {c.heads} heads of {c.head_width}, "
        f"{c.bands} bands of {c.hs_size}x{c.hs_size}, {c.tiles} RGB tiles of "
        f"{c.patch_size}x{c.patch_size}\nmodel    {options.out}"
    )
