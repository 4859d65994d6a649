"""A purity report: the record, the table, and the files on disk."""

import csv
import io
import json
from pathlib import Path

import pytest

from bimae.data import DatasetInfo
from bimae.errors import ConfigError
from bimae.predict.rows import parted
from bimae.report.purity import check_out, write_report
from bimae.report.purity.record import as_csv, as_json
from bimae.report.purity.words import NOTICE
from tests.report.purity_case import SEEDS, WEIGHTS, calibration, case


def test_the_record_is_complete_and_plain(tmp_path: Path) -> None:
    made = calibration()
    facts, reference = case(tmp_path / "a", made=made, weights=WEIGHTS)
    found = json.loads(json.dumps(as_json(facts, reference, WEIGHTS), allow_nan=False))
    assert (found["format"], found["version"]) == ("bimae purity report", 1)
    assert found["title"] == "SIMULATED DATA: purity of lot 7, crop wheat"
    assert found["notice"] == NOTICE
    assert found["counts"] == {"seeds": 39, "crop": 32, "other": 5, "rejected": 2, "doubtful": 3,
                               "doubtful_crop": 2, "to_look_at": 9}  # fmt: skip
    assert found["reliable"] is True and found["warnings"] == found["grave_warnings"] == []
    settled = facts.figures.purity.settled
    assert settled.corrected is not None
    number = found["purity_by_number"]["rejected_not_the_crop"]
    assert number["as_called"]["value"] == 32 / 39
    assert number["corrected"]["low"] == settled.corrected.purity.low
    assert number["corrected"]["agrees"] is True
    assert found["purity_by_number"]["rejected_left_out"]["seeds"] == 37
    assert found["purity_by_weight"]["thousand_seed_weight_g"] == WEIGHTS
    assert [one["name"] for one in found["species"]] == ["oat", "rye"]
    assert found["species"][0]["in_check"]["crop_called_this"] == {"seeds": 1, "of": 200}
    assert found["check"]["others"] == {"seeds": 200, "crop": 11, "other": 185, "rejected": 4}
    assert found["model"]["sha256_12"] == "0123456789ab"
    assert found["calibration"]["temperature"] == made.temperature
    assert found["lot"]["fingerprint"] == facts.samples.fingerprint
    plain, reference = case(tmp_path / "b", info=DatasetInfo("lot 8"))
    found = as_json(plain, reference, None)
    assert found["title"] == "purity of lot 8, crop wheat" and found["simulated"] == []
    assert found["calibration"] is found["check"] is found["purity_by_weight"] is None
    assert found["reliable"] is False and found["grave_warnings"][0].startswith("Not calibrated.")
    assert set(found["grave_warnings"]) <= set(found["warnings"])
    names = list(found)
    assert names.index("reliable") < names.index("purity_by_number")
    assert "without a calibration" in found["purity_by_number"]["not_corrected_because"]


def test_every_seed_has_a_row(tmp_path: Path) -> None:
    facts, _ = case(tmp_path / "a", made=calibration(), ids=['a,"b"\n', 'a,"b"\n'])
    rows = list(csv.DictReader(io.StringIO(as_csv(facts).decode())))
    assert len(rows) == len(SEEDS)
    assert {row["notice"] for row in rows} == {f"SIMULATED DATA; {NOTICE}"}
    assert rows[0]["id"] != rows[1]["id"]  # of one name, told apart by their places
    assert [row["look_at"] for row in rows][30:] == [
        "other", "other", "other", "other", "doubtful", "doubtful", "other doubtful", "rejected",
        "rejected",
    ]  # fmt: skip
    assert parted(rows[36]["set"]) == ("rye", "oat")
    assert rows[37]["rejected"] == "yes" and rows[37]["class"] == "wheat"
    assert float(rows[34]["probability"]) == pytest.approx(0.55)
    assert float(rows[34]["p(oat)"]) == pytest.approx(0.225)
    plain, _ = case(tmp_path / "b", info=DatasetInfo("lot 8"))
    header = as_csv(plain).decode().splitlines()[0]
    assert "strangeness" not in header and header.endswith("look_at,notice")


def test_all_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, reference = case(tmp_path / "data", made=calibration())
    out = tmp_path / "report"
    assert write_report(out, facts, reference, most=5) == ""
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "seeds.csv"}
    check_out(out, overwrite=True)  # its own may be replaced
    with pytest.raises(ConfigError, match="holds a report already"):
        check_out(out)
    before = (out / "report.json").read_bytes()

    def broken(_: object) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr("bimae.report.purity.write.as_csv", broken)
    with pytest.raises(OSError, match="disk full"):
        write_report(out, facts, reference, most=5)
    assert (out / "report.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "report"]


def test_what_others_made_stays(tmp_path: Path) -> None:
    check_out(tmp_path / "new")
    check_out(tmp_path)  # empty
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match="holds other files; name another --out"):
        check_out(tmp_path)
    with pytest.raises(ConfigError, match="is a file, expected a folder"):
        check_out(tmp_path / "thesis.txt")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "report.json").write_text('{"mine": 1}')
    with pytest.raises(ConfigError, match="holds other files"):
        check_out(tmp_path / "b")


def test_pdf_without_a_browser_that_works(tmp_path: Path) -> None:
    facts, reference = case(tmp_path / "data")
    false = "/bin/false"
    reason = write_report(tmp_path / "r", facts, reference, most=0, browser=false)
    assert "/bin/false ended with 1 and printed nothing" in reason
    assert not (tmp_path / "r" / "report.pdf").exists()
    gone = str(tmp_path / "gone")
    assert "cannot be run" in write_report(tmp_path / "r", facts, reference, most=0, browser=gone)
