"""Parity with numbers that the authors' released Keras code computed."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from bimae.errors import ModelError
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier
from bimae.model.official import from_official

CASES = {
    "bimodal_all": ("bimodal", tuple(range(300))),
    "bimodal_step_60": ("bimodal", tuple(range(0, 300, 60))),
    "hs_bottom_5": ("hs", tuple(range(295, 300))),
    "rgb": ("rgb", ()),
}


@pytest.fixture(scope="module")
def arrays(shared: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(shared / "fixtures" / "official" / "official_pretrained.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: np.asarray(item)}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


@pytest.fixture(scope="module")
def outputs(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "fixtures" / "official" / "official_outputs.npz"))


@pytest.fixture(scope="module")
def model(arrays: dict[str, np.ndarray]) -> BiMAE:
    return from_official(arrays, "official.h5")


@pytest.mark.parametrize("case", CASES)
def test_tokens_encoding_and_probabilities_agree(
    case: str, model: BiMAE, outputs: dict[str, np.ndarray]
) -> None:
    modality, bands = CASES[case]
    hs = torch.from_numpy(outputs["hs"]).permute(0, 3, 1, 2)[:, list(bands)]
    rgb = torch.from_numpy(outputs["rgb"]).permute(0, 3, 1, 2)
    views = {"hs": hs if modality != "rgb" else None, "rgb": rgb if modality != "hs" else None}
    config = ClassifierConfig(model.config, tuple("abcdefg"), modality, bands)  # type: ignore[arg-type]
    classifier = SeedClassifier(config).eval()
    classifier.load_trunk(model)
    given = {name: torch.from_numpy(outputs[f"{case}/{name}"]) for name in
             ("norm_gamma", "norm_beta", "head_kernel", "head_bias")}  # fmt: skip
    classifier.norm.load_state_dict({"weight": given["norm_gamma"], "bias": given["norm_beta"]})
    classifier.head.load_state_dict({"weight": given["head_kernel"].T, "bias": given["head_bias"]})
    with torch.no_grad():
        found = {
            "tokens": model.tokens(**views, bands=bands or None),
            "encoded": model.encode(**views, bands=bands or None),
            "probabilities": classifier(**views).softmax(dim=1),
        }
    for name, value in found.items():
        every = int(outputs.get(f"{case}/{name}_every", 1))
        # Tokens reach 11 in size, and their float32 sums are themselves 1.0e-5 away from the same
        # sums in float64: hence the relative part.
        np.testing.assert_allclose(
            value.numpy()[:, ::every] if name != "probabilities" else value.numpy(),
            outputs[f"{case}/{name}"],
            rtol=1e-5,
            atol=1e-5,
        )


def test_sizes_are_read_from_the_file(model: BiMAE) -> None:
    config = model.config
    assert (config.width, config.depth, config.heads, config.head_width) == (48, 2, 3, 48)
    assert (config.bands, config.hs_size, config.rgb_size, config.patch_size) == (300, 24, 192, 24)


def test_it_can_be_pretrained_further(model: BiMAE) -> None:
    hs, rgb = torch.rand(2, 300, 24, 24), torch.rand(2, 3, 192, 192)
    assert torch.isfinite(model(hs, rgb, generator=torch.Generator().manual_seed(0)).total)


def test_a_file_without_our_weights_is_told(arrays: dict[str, np.ndarray]) -> None:
    some = {k: v for k, v in arrays.items() if "rgb__patch_encoder/projection" not in k}
    with pytest.raises(ModelError, match="no weights named 'layers/rgb__patch_encoder/projection"):
        from_official(some, "x.h5")
    bent = {**arrays, "encoder/layers/vi_t_block/mlp/fc2/vars/1": np.zeros(3, np.float32)}
    with pytest.raises(ModelError, match=r"shape \[3\], expected \[48\]"):
        from_official(bent, "x.h5")
