"""What the server says is what the model says, however the sample was sent."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimae.data import open_dataset
from bimae.data.marks import MODEL
from bimae.evaluate.answers import answers
from bimae.evaluate.looks import look
from bimae.model import SeedClassifier
from bimae.predict.calibrated import load
from bimae.serve.answering import Answerer
from bimae.serve.limits import Limits
from bimae.serve.service import Service
from bimae.serve.upload import Upload
from tests.serve import files
from tests.serve.conftest import CLASSES, Served, served

HS, RGB = files.cube(), files.picture()
PNG = files.image(RGB)


def said(answer: Any) -> list[float]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["probabilities"].values())


def test_answers_are_those_of_the_model_and_its_calibration(
    client_of: Served, models: dict[str, Path], small_data: Path
) -> None:
    client, _ = client_of("both")
    samples = open_dataset(small_data, hs_size=8, rgb_size=48)
    model = SeedClassifier.from_pretrained(models["both"])
    (made,) = load(models["both"])
    looks = look(model, samples, labels=False)
    seen = set()
    for said in answers(model, samples, range(12), looks, batch_size=12):
        judged = made.judge(said.logits, said.features)
        for i in range(12):
            sample = samples[i]
            body = files.npz(hs=sample.hs, rgb=sample.rgb, wavelengths=samples.wavelengths_nm)
            found = client.post("/predict", files={"sample": body}).json()
            odds = judged.probabilities[i]
            assert list(found["probabilities"].values()) == pytest.approx(odds, rel=1e-4)
            assert found["class"] == CLASSES[int(odds.argmax())]
            assert found["probability"] == max(found["probabilities"].values())
            order = [CLASSES[k] for k in np.argsort(-odds) if judged.sets[i][k]]
            assert found["set"] == order
            assert found["rejected"] == bool(judged.rejected[i])
            assert found["strangeness"] == pytest.approx(judged.strangeness[i], rel=1e-4)
            assert found["calibrated"] is True and found["notes"] == [MODEL]
            assert found["model"]["name"] == "both" and len(found["model"]["fingerprint"]) == 12
            assert (found["shown"], found["carried"]) == (None, None)
            seen.add(found["class"])
    assert len(seen) > 1  # else this would hold of any answer


def test_every_way_to_send_a_sample_is_the_same_sample(client_of: Served) -> None:
    client, _ = client_of("both")
    wide = np.moveaxis(HS, 2, 0)  # [bands, height, width]
    pair = [("hs", file) for file in files.envi(HS)]
    zipped = files.archive(*files.envi(HS))
    scaled = (HS * 10000).round().astype(np.uint16)
    factor = files.envi(scaled, **{"reflectance scale factor": 10000})
    exact = [
        {"files": {"rgb": PNG, "hs": files.npy(HS)}},
        {"files": {"rgb": PNG, "hs": files.npy(HS.astype(np.float64))}},
        {"files": {"rgb": PNG, "hs": files.npy(np.asfortranarray(HS))}},
        {"files": {"rgb": PNG, "hs": files.npy(wide)}},
        {"files": {"rgb": PNG, "hs": files.npz(anything=HS)}},
        {"files": {"rgb": PNG, "hs": zipped}},
        {"files": [("rgb", ("../../x.png", PNG)), *pair]},
        {"files": [("rgb", PNG), *reversed(pair)]},
        {"files": {"rgb": PNG, "sample": files.npz(hs=HS)}},
        {"files": {"rgb": files.npz(rgb=RGB), "hs": zipped}},
        {"files": {"rgb": files.image(RGB, "TIFF"), "hs": zipped}},
        {"files": {"rgb": files.image(RGB, "TIFF", compression="tiff_deflate"), "hs": zipped}},
        {"files": {"sample": files.npz(hs=HS, rgb=RGB, wavelengths_nm=files.NM)}},
        {"content": files.npz(hs=HS, rgb=RGB), "headers": {"content-type": "application/x-npz"}},
        {"content": files.npz(hs=HS, rgb=RGB),
         "headers": {"content-type": "application/octet-stream; x=1"}},
        {"files": {"rgb": PNG, "hs": files.npy(HS[:, :, ::-1])},
         "data": {"wavelengths": " ".join(map(str, files.NM[::-1]))}},
    ]  # fmt: skip
    first = said(client.post("/predict", **exact[0]))
    for way in exact[1:]:
        assert said(client.post("/predict", **way)) == pytest.approx(first, rel=1e-4), way
    near = client.post("/predict", files={"rgb": PNG, "hs": files.archive(*factor)})
    assert said(near) == pytest.approx(first, abs=1e-2)
    other = client.post("/predict", files={"rgb": PNG, "hs": files.npy(files.cube(9))})
    assert said(other) != pytest.approx(first, rel=1e-3)


def test_references_in_the_archive_make_reflectance(client_of: Served) -> None:
    client, _ = client_of("both")
    raw = (HS * 3000 + 100).astype(np.uint16)
    white = np.full((2, files.SIDE, files.BANDS), 3100, np.uint16)
    dark = np.full((2, files.SIDE, files.BANDS), 100, np.uint16)
    members = [
        *files.envi(raw), *files.envi(white, "WHITEREF_scan"), *files.envi(dark, "DARKREF_scan")
    ]  # fmt: skip
    found = client.post("/predict", files={"rgb": PNG, "hs": files.archive(*members)})
    first = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS)})
    assert said(found) == pytest.approx(said(first), abs=1e-2)
    assert not any("counts" in note for note in found.json()["notes"])
    alone = client.post("/predict", files={"rgb": PNG, "hs": files.archive(*files.envi(raw))})
    notes = alone.json()["notes"]
    assert "hs: these are counts, but the model learned from reflectance" in notes


def test_images_of_other_sizes_are_brought_to_the_models(client_of: Served) -> None:
    client, _ = client_of("both")
    large = files.image(files.picture(1, (96, 60, 3)), "JPEG")
    for shape in ((20, 14, 12), (1, 1, 12), (3, 40, 12)):
        body = {"rgb": large, "hs": files.npy(files.cube(1, shape=shape))}
        assert len(said(client.post("/predict", files=body))) == 3


def test_a_model_of_one_view_takes_that_view_alone(client_of: Served) -> None:
    for name, own, other in (("rgb", PNG, "hs"), ("hs", files.npy(HS), "rgb")):
        client, _ = client_of(name)
        kind = {"rgb": "image/png", "hs": "application/x-npy"}[name]
        found = client.post("/predict", files={name: own})
        assert found.json()["notes"][-1].startswith("the model is not calibrated")
        bare = client.post("/predict", content=own, headers={"content-type": kind})
        assert said(bare) == pytest.approx(said(found), rel=1e-4)
        both = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS)})
        assert said(both) == pytest.approx(said(found), rel=1e-4)
        assert f"{other} was sent, but this model does not look at it" in both.json()["notes"]
        missing = client.post("/predict", files={other: files.npy(HS) if other == "hs" else PNG})
        assert missing.status_code == 422
        assert missing.json()["detail"].startswith(f"{name}: is missing (found {other})")
        assert (found.json()["set"], found.json()["rejected"]) == (None, None)
        assert found.json()["calibrated"] is False


def test_an_image_of_nothing_is_refused(client_of: Served) -> None:
    client, _ = client_of("both")
    for view, value, told in (("hs", 0, "every value is zero"), ("rgb", 255, "all pixels are")):
        sent = {"rgb": PNG, "hs": files.npy(HS)}
        nothing = np.full((8, 8, 12) if view == "hs" else (8, 8, 3), value, np.uint8)
        sent[view] = files.npy(nothing) if view == "hs" else files.image(nothing)
        found = client.post("/predict", files=sent)
        assert found.status_code == 422
        detail = found.json()["detail"]
        assert detail.startswith(f"{view}: {told}")


def test_a_missing_view_is_named(client_of: Served) -> None:
    client, _ = client_of("both")
    for sent, missing in (({"rgb": PNG}, "hs"), ({"hs": files.npy(HS)}, "rgb")):
        found = client.post("/predict", files=sent)
        assert found.status_code == 422
        assert found.json()["detail"].startswith(f"{missing}: is missing")


def test_a_model_of_any_sensor_takes_what_is_there(client_of: Served) -> None:
    client, _ = client_of("any")
    few = {"hs": files.npy(HS[:, :, :5])}
    nm = {"wavelengths": "450, 500, 560, 680, 840"}
    own = {"wavelengths": "400-1000nm"}
    first = client.post("/predict", files={"hs": files.npy(HS)}, data=own)
    both = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS)}, data=own)
    alone = client.post("/predict", files={"rgb": PNG})
    other = client.post("/predict", files=few, data=nm)
    assert [one.json()["views"] for one in (first, both, alone, other)] == [
        "spectra", "both views", "RGB", "spectra",
    ]  # fmt: skip
    assert [one.json()["calibrated"] for one in (first, both)] == [False, True]
    sensor = "12 bands 400-1000 nm"
    told = f"is calibrated for both views, {sensor}, not for spectra, {sensor}: "
    assert told in first.json()["notes"][-1]
    assert "another sensor; bands go by wavelength" in " ".join(other.json()["notes"])
    # turned to another sensor and back, the model is what it was
    again = client.post("/predict", files={"hs": files.npy(HS)}, data=own)
    assert said(again) == pytest.approx(said(first), rel=1e-5)
    single = {"hs": files.npy(HS[:, :, :1])}
    for sent, told, why in (
        (few, {}, "found 5 bands without wavelengths"),
        (few, {"wavelengths": "450,500"}, "found 2 wavelengths"),
        (single, {"wavelengths": "500"}, "a single one"),
        (few, {"wavelengths": "1100-1700nm"}, "but the model learned from 400 to 1000 nm"),
    ):
        refused = client.post("/predict", files=sent, data=told)
        assert refused.status_code == 422
        assert why in refused.json()["detail"]


def test_other_bands_are_refused_by_a_model_of_one_sensor(client_of: Served) -> None:
    client, _ = client_of("both")
    few = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS[:, :, :5])})
    assert few.status_code == 422
    assert few.json()["detail"] == (
        "hs: images have 5 bands, this model was made for 12; use data of the same sensor"
    )
    elsewhere = {"wavelengths": "900-1700nm"}
    far = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS)}, data=elsewhere)
    assert far.status_code == 422
    assert "lies at 1700 nm, in this model at 1000 nm" in far.json()["detail"]
    unknown = client.post("/predict", files={"rgb": PNG, "hs": files.npy(HS)})
    assert "bands are taken by number" in " ".join(unknown.json()["notes"])


def test_many_at_once_are_answered_in_batches_each_with_its_own(client_of: Served) -> None:
    """Samples of three sensors and two refusals, all at the same time."""
    client, service = client_of("any")

    def ask(i: int) -> tuple[int, Any]:
        hs, nm = files.npy(files.cube(i)), {"wavelengths": "400-1000nm"}
        if i % 5 == 1:
            hs, nm = files.npy(files.cube(i)[:, :, :6]), {"wavelengths": "500-900nm"}
        if i % 5 == 2:
            hs, nm = files.npy(files.cube(i)[:, :, :1]), {"wavelengths": "500"}
        views = {"hs": hs} if i % 5 == 3 else {"hs": hs, "rgb": files.image(files.picture(i))}
        found = client.post("/predict", files=views, data=nm)
        return found.status_code, found.json()

    alone = [ask(i) for i in range(40)]
    before = service.batcher.batches
    with ThreadPoolExecutor(40) as pool:
        together = list(pool.map(ask, range(40)))
    assert service.batcher.batches - before < 32
    for (status, one), (same, other) in zip(alone, together, strict=True):
        assert status == same
        if status == 200:
            odds = list(one["probabilities"].values())
            assert list(other["probabilities"].values()) == pytest.approx(odds, rel=1e-3)
    assert [status for status, _ in alone].count(422) == 8


def test_pictures_and_what_carried_the_answer(client_of: Served) -> None:
    client, _ = client_of("any")
    own = {"wavelengths": "400-1000nm"}
    found = client.post(
        "/predict?show=true&explain=true", files={"rgb": PNG, "hs": files.npy(HS)}, data=own
    ).json()
    shown, carried = found["shown"], found["carried"]
    assert shown["rgb"].startswith("data:image/png;base64,")
    assert shown["false_colour"].startswith("data:image/")
    assert shown["spectrum"]["nm"] == pytest.approx(files.NM)
    assert shown["spectrum"]["mean"] == pytest.approx(HS[2:6, 2:6].mean((0, 1)), rel=1e-3)
    assert carried["class"] == found["class"]
    assert np.shape(carried["tiles"]) == (2, 2) and min(map(min, carried["tiles"])) >= 0
    assert np.shape(carried["regions"])[0] == np.shape(carried["regions"])[1] > 1
    assert carried["bands"]["places"] == pytest.approx(files.NM) and carried["bands"]["nm"]
    assert len(carried["bands"]["falls"]) == 12 and any(carried["bands"]["falls"])
    total = sum(carried["bands"]["weights"]) + float(np.sum(carried["tiles"]))
    assert total == pytest.approx(1, abs=1e-3)
    alone = client.post("/predict?show=true&explain=true", files={"rgb": PNG}).json()
    assert alone["shown"]["spectrum"] is None and alone["carried"]["bands"] is None


def test_a_discriminant_alone_has_no_attention(client_of: Served) -> None:
    client, _ = client_of("alone")
    found = client.post(
        "/predict?explain=true", files={"rgb": PNG, "hs": files.npy(HS)},
        data={"wavelengths": "400-1000nm"},
    ).json()  # fmt: skip
    carried = found["carried"]
    assert carried["class"] == found["class"]
    assert carried["tiles"] is None and carried["bands"]["weights"] is None
    assert np.shape(carried["tile_falls"]) == (2, 2) and np.any(carried["tile_falls"])
    assert len(carried["bands"]["falls"]) == 12 and any(carried["bands"]["falls"])
    assert np.any(carried["regions"])
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    told = schemas["BandWeights"]["properties"]["weights"]
    assert {"type": "null"} in told["anyOf"]
    assert "a discriminant answers alone" in told["description"]


def test_the_model_and_its_health(client_of: Served) -> None:
    client, service = client_of("both")
    model = client.get("/model").json()
    assert model["classes"] == list(CLASSES)
    assert model["views"] == ["rgb", "hs"] and model["all_views_needed"] is True
    assert (model["bands"], model["hs_size"], model["rgb_size"]) == (12, 8, 48)
    assert model["simulated"] is True and model["tested"]["accuracy"] == 0.5
    assert model["calibration"] == [{"shown": "both views", "told": "sets of 70%"}]
    assert model["limits"]["request_bytes"] == service.limits.request_bytes
    health = client.get("/health")
    assert health.status_code == 200 and health.json()["status"] == "ok"


def test_a_whole_tray_is_told(models: dict[str, Path], tmp_path: Path) -> None:
    """As the answer to one seed it would be nonsense."""
    folder = tmp_path / "cut"
    shutil.copytree(models["rgb"], folder)
    about = json.loads((folder / "about.json").read_text())
    about["data"]["photo_side"] = 96
    (folder / "about.json").write_text(json.dumps(about))
    service = Service(Answerer(folder), Limits())
    tray = np.full((96, 128, 3), 0.2, np.float32) + np.random.default_rng(0).normal(
        0, 0.01, (96, 128, 3)
    ).astype(np.float32)
    rows, columns = np.mgrid[:96, :128]
    for place in ((24, 32), (24, 96), (72, 64)):
        tray[(rows - place[0]) ** 2 + (columns - place[1]) ** 2 < 100] = (0.8, 0.6, 0.3)
    (note,) = service._frame(Upload(tray, None, ()))
    assert note.startswith("rgb: this picture shows 3 objects, and one seed is answered for")
    (note,) = service._frame(Upload(tray[48:, :], None, ()))  # too small to be sure
    assert "this picture has a background" in note


def test_a_picture_framed_otherwise_than_those_learned_from_is_told(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """Seeds cut out of trays lie on white; a photo of one seed on a table does not."""
    folder = tmp_path / "cut"
    shutil.copytree(models["rgb"], folder)
    about = json.loads((folder / "about.json").read_text())
    about["data"]["photo_side"] = 96
    (folder / "about.json").write_text(json.dumps(about))
    on_white = files.picture()
    for edge in (on_white[:4], on_white[-4:], on_white[:, :4], on_white[:, -4:]):
        edge[:] = 255
    with served(folder) as (client, _):
        for pixels, told in ((files.picture(), True), (on_white, False)):
            notes = client.post("/predict", files={"rgb": files.image(pixels)}).json()["notes"]
            assert any("this picture has a background" in note for note in notes) is told
        grey = files.image(np.repeat(on_white[:, :, :1], 3, axis=2))
        notes = client.post("/predict", files={"rgb": grey}).json()["notes"]
        assert any("the same in every pixel of this picture" in note for note in notes)
