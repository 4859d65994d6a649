"""A classifier of one sensor made from one that was turned to it: positions become constants.

Shapes: n channels, D width.
"""

from dataclasses import replace

import torch
from torch import Tensor

from bimae.evaluate.looks import Looks
from bimae.export.unpacked import unpack
from bimae.model import ClassifierConfig, SeedClassifier


def folded(model: SeedClassifier, looks: Looks) -> SeedClassifier:
    """The same answers from a classifier that knows nothing but its channels, in their order.

    What it is shown is scaled already: the scaling is not part of it.

    Args:
        model: A classifier, turned to the sensor (`look`).
        looks: What that is.
    """
    config, modality = model.config, looks.reading.modality
    own = looks.rows is None or config.among is not None  # completed, all bands of the model
    rows = model.bands if own else looks.rows
    assert rows is not None
    sees = modality != "rgb"
    sizes = replace(
        config.model,
        band_positions="learned",
        bands=len(rows) if sees else 1,
        wavelengths_nm=None,
        widths_nm=None,
        standard=None,
        log_floor=None,
        within=None,
        hs_masking="random",
        hs_groups=None,
    )
    made = SeedClassifier(
        ClassifierConfig(
            sizes,
            config.classes,
            modality=modality,
            bands=tuple(range(len(rows))) if sees else (),
            pool=config.pool,
            scale="after",
        )
    )
    weights = model.state_dict()
    if sees:
        weights |= _positions(model, rows)
    made.load_state_dict({name: weights[name] for name in made.state_dict()})
    unpack(made.trunk.encoder)
    return made.eval()


def _positions(model: SeedClassifier, rows: Tensor) -> dict[str, Tensor]:
    """[n, D] what each channel adds to its token, and what multiplies it where something does."""
    with torch.inference_mode():
        tokenizer = model.trunk.hs
        found = {"trunk.hs.positions": tokenizer.position(rows).clone()}
        if tokenizer.products:
            found["trunk.hs.factors"] = tokenizer.factor(rows).clone()
    return found
