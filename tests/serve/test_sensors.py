"""A sample is judged by a calibration for the camera that made it, or by none."""

from pathlib import Path

import numpy as np
import pytest

from bimae.data.marks import MODEL
from bimae.predict.shown import Shown
from tests.serve import files
from tests.serve.conftest import make_calibration, make_model, served

NM = tuple(float(nm) for nm in np.linspace(400, 1000, files.BANDS))
PICKED = (1, 3, 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of any sensor, calibrated for its own and for three of its bands."""
    folder = make_model(tmp_path_factory.mktemp("sensors") / "any", any_sensor=True)
    make_calibration(folder, Shown("bimodal"))
    make_calibration(folder, Shown("bimodal", ",".join(map(str, PICKED))))
    return folder


def test_each_camera_is_judged_by_its_own(model: Path) -> None:
    png = files.image(files.picture())
    cameras = {
        "own": NM,
        "of the same make": tuple(nm + 2 for nm in NM),
        "as many bands": tuple(np.linspace(450, 900, files.BANDS)),
        "the three": tuple(NM[band] for band in PICKED),
        "another three": (450.0, 560.0, 650.0),
    }
    found = {}
    with served(model) as (client, _):
        for _ in range(2):  # whichever it was turned to before
            for name, nm in cameras.items():
                cube = files.cube()[:, :, : len(nm)]
                answer = client.post(
                    "/predict",
                    files={"rgb": png, "hs": files.npy(cube)},
                    data={"wavelengths": ",".join(f"{value:g}" for value in nm)},
                )
                assert answer.status_code == 200, answer.text
                found[name] = answer.json()
            assert {name: one["calibrated"] for name, one in found.items()} == {
                "own": True,
                "of the same make": True,
                "as many bands": False,
                "the three": True,
                "another three": False,
            }
    assert found["own"]["notes"] == [MODEL]
    note = found["another three"]["notes"][-1]
    assert (
        "is calibrated for both views, 12 bands 400-1000 nm; both views of 1,3,8, 3 bands" in note
    )
    assert "not for both views, 3 bands at 450, 560, 650 nm: these probabilities are" in note
    assert found["another three"]["set"] is None
