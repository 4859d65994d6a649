"""Small models that are served, with fresh weights: what is tested is the way to them and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from bimae.model import ClassifierConfig, ModelConfig, SeedClassifier
from bimae.model.config import Modality
from bimae.predict.calibrate import Parts, Said, calibrate
from bimae.predict.calibrated import save
from bimae.predict.shown import Shown
from bimae.report.card import write_card
from bimae.serve.answering import Answerer
from bimae.serve.app import make_app
from bimae.serve.front import Hosts
from bimae.serve.limits import Limits
from bimae.serve.service import Service
from bimae.spectra import band_shares
from tests.serve.files import BANDS, NM, RGB_SIDE, SIDE

CLASSES = ("oat", "rye", "wheat")
SIZES = ModelConfig(
    name="small", width=32, depth=2, heads=2, decoder_width=16, bands=BANDS, hs_size=SIDE,
    rgb_size=RGB_SIDE, patch_size=24, hs_mask_ratio=0.5, rgb_mask_ratio=0.5,
)  # fmt: skip
ABOUT = {
    "made": "2026-01-02T03:04:05Z",
    "versions": {"bimae": "0"},
    "data": {"name": "small", "simulated": True, "unit": "reflectance"},
    "tested": {"part": "test", "samples": 12, "accuracy": 0.5, "macro_f1": 0.4, "per_class": []},
    "calibration": [{"shown": "both views", "told": "sets of 70%"}],
}


def make_model(
    folder: Path,
    modality: Modality = "bimodal",
    *,
    any_sensor: bool = False,
    alone: bool = False,
) -> Path:
    """A model folder; `alone`: a discriminant answers, and the network is not run."""
    sizes = SIZES
    if any_sensor:
        sizes = ModelConfig(
            **{**vars(SIZES), "band_positions": "wavelength", "wavelengths_nm": NM,
               "widths_nm": tuple(band_shares(NM))}
        )  # fmt: skip
    config = ClassifierConfig(
        sizes,
        CLASSES,
        modality,
        () if modality == "rgb" else tuple(range(BANDS)),
        scale="after",
        wavelengths_nm=NM,
        any_sensor=any_sensor,
    )
    model = SeedClassifier(config, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():  # fresh heads say nearly nothing
        model.head.weight.mul_(40)
    if alone:
        made, rng = model.add_discriminant(), np.random.default_rng(2)
        size = made.means.shape[1]
        made.learn(rng.normal(0.5, 0.3, (3, size)), np.eye(size), [0.0] * 3)
        made.shares.copy_(torch.tensor([[0.0], [1.0]]))
    config = model.config
    model.save_pretrained(folder)
    write_card(folder, config, ABOUT)
    return folder


def make_calibration(folder: Path, shown: Shown, *, share: float = 0.3) -> None:
    """Thresholds from made-up answers, some of which every sample is beyond and some none."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(60, 3)).astype(np.float32)
    said = Said(logits, rng.normal(size=(60, 32)).astype(np.float32), rng.integers(3, size=60))
    shown = shown.on_own(SeedClassifier.read_config(folder))
    save(folder, calibrate(Parts(said), shown, CLASSES, alpha=0.3, share=share, score="energy"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("served")
    found = {
        "both": make_model(folder / "both"),
        "plain": make_model(folder / "plain"),
        "rgb": make_model(folder / "rgb", "rgb"),
        "hs": make_model(folder / "hs", "hs"),
        "any": make_model(folder / "any", any_sensor=True),
        "alone": make_model(folder / "alone", alone=True),
    }
    make_calibration(found["both"], Shown("bimodal"))
    make_calibration(found["any"], Shown("bimodal"))
    return found


@contextmanager
def served(path: Path, **limits: float) -> Iterator[tuple[TestClient, Service]]:
    """A client of a model's server in this process, and the server."""
    service = Service(Answerer(path), Limits(**limits))  # type: ignore[arg-type]
    app = make_app(service, Hosts("127.0.0.1"))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:  # type: ignore[arg-type]
        yield client, service
        assert service.room.requests == 0
        assert service.room.spooled == 0
        assert list(service.folder.iterdir()) == []
    assert not service.folder.exists()


Served = Callable[[str], tuple[TestClient, Service]]


@pytest.fixture(scope="session")
def client_of(models: dict[str, Path]) -> Iterator[Served]:
    """Clients of the models, each started when it is first asked for."""
    running: dict[str, tuple[TestClient, Service]] = {}
    contexts = []

    def get(name: str) -> tuple[TestClient, Service]:
        if name not in running:
            context = served(models[name])
            running[name] = context.__enter__()
            contexts.append(context)
        return running[name]

    yield get
    for context in contexts:
        context.__exit__(None, None, None)
