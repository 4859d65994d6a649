"""A purity report: the page, the record, the table, the files."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.errors import ConfigError
from bimae.predict.melding import Share
from bimae.report.purity.gallery import choose, draw_gallery
from bimae.report.purity.page import draw_page
from bimae.report.purity.reference import OF_EACH, differs, learned_from, of_known, of_lot
from bimae.report.purity.words import NOTICE, agreement, interval, lines, percent, told
from tests.data.small_samples import sample
from tests.report.browser import HOSTILE
from tests.report.purity_case import CLASSES, SEEDS, WEIGHTS, calibration, case


def page(folder: Path, *, most: int = 500, **given: object) -> str:
    facts, reference = case(folder, **given)  # type: ignore[arg-type]
    gallery = draw_gallery(facts.samples, facts.lot, reference, most=most, value="counts")
    weights = given.get("weights")
    return draw_page(facts, gallery, reference, weights)  # type: ignore[arg-type]


class Outline(HTMLParser):
    """Headings, tags that were left open, and whether anything is fetched."""

    VOID = ("meta", "img", "path", "line", "circle", "use", "input", "br", "link")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith(("data:", "#")):
                self.fetched.append(str(value))
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data.strip())


def test_the_page_is_in_order_and_fetches_nothing(tmp_path: Path) -> None:
    html = page(tmp_path, made=calibration(), weights=WEIGHTS)
    found = Outline(html)
    assert found.open == []
    assert found.fetched == [] and found.handlers == []
    assert not re.search(r"url\(|@import|https?://(?!www\.w3)", html)
    assert [text for text in found.headings if text] == [
        "Purity of lot 7", "Purity", "What was found", "Seeds to look at",
        "How it was computed", "Model and data",
    ]  # fmt: skip
    assert '<h1><span class="mark">SIMULATED DATA:</span> Purity of lot 7</h1>' in html
    assert "<title>SIMULATED DATA: purity of lot 7, crop wheat</title>" in html
    assert html.count(NOTICE) >= 3
    assert "default-src 'none'" in html


def test_the_numbers_stand_there(tmp_path: Path) -> None:
    facts, _ = case(tmp_path / "a", made=calibration(), weights=WEIGHTS)
    html = page(tmp_path / "b", made=calibration(), weights=WEIGHTS)
    settled, answered = facts.figures.purity.settled, facts.figures.purity.answered
    assert settled.corrected is not None and answered is not None and facts.figures.weight
    assert answered.corrected is not None
    for share in (settled.called, settled.corrected.purity, answered.called,
                  answered.corrected.purity, facts.figures.weight):  # fmt: skip
        assert f"<b>{percent(share.value)}</b>" in html
        assert f"<td>{percent(share.low)} to {percent(share.high)}</td>" in html
    big = re.search(r'<p class="big"><b>(.*?)</b>', html)
    assert big is not None and big[1] == percent(settled.corrected.purity.value)
    assert "By weight, estimated" in html
    # oat: 3 found; 1 of 200 known wheat was called oat, 5 of 100 known oat were called wheat
    row = re.search(r'<th scope="row">oat</th>.*?</tr>', html)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[0])
    assert cells[0] == "3" and cells[3:] == ["1 of 200", "5 of 100"]


def test_every_seed_to_look_at_is_drawn_or_listed(tmp_path: Path) -> None:
    html = page(tmp_path / "a", made=calibration())
    assert html.count('<li class="card"') == 9
    assert len(re.findall(r'<img [^>]*src="data:image/', html)) == 18
    assert "All 9 seeds are drawn" in html
    assert "Not drawn" not in html
    few = page(tmp_path / "b", most=4, made=calibration())
    assert few.count('<li class="card"') == 4
    rows = re.search(r'<table class="rows">.*?</table>', few, re.DOTALL)
    assert rows is not None and rows[0].count('<th scope="row">') == 5
    assert "4 of 9 seeds are drawn" in few
    none = page(tmp_path / "c", most=0, made=calibration())
    assert none.count('<li class="card"') == 0
    pure = page(tmp_path / "d", seeds=SEEDS[:10], made=calibration())
    assert "None: every seed was called wheat without doubt." in pure


def test_no_species_crowds_out_another(tmp_path: Path) -> None:
    seeds = [*[(1, 0.4 + i / 1000, False, False) for i in range(50)], (0, 0.99, False, False),
             (2, 0.5, True, True)]  # fmt: skip
    facts, _ = case(tmp_path, seeds=seeds, made=calibration())
    drawn, listed = choose(facts.lot, 4)
    assert drawn == [51, 0, 1, 50]  # rejected first, then the least sure; oat among them
    assert listed == list(range(2, 50))
    assert choose(facts.lot, 0) == ([], [51, *range(50), 50])


def test_names_of_strangers_are_text(tmp_path: Path) -> None:
    classes = (f"oat{HOSTILE}", "rye & {{ 7*7 }}", f"wheat'\"{HOSTILE}")
    html = page(
        tmp_path,
        classes=classes,
        made=calibration(classes),
        ids=[None] * 30 + [HOSTILE],
        group=HOSTILE,
        info=DatasetInfo(HOSTILE, source=HOSTILE, sensor=HOSTILE),
    )
    found = Outline(html)
    assert found.open == [] and found.handlers == []
    assert html.count("<script>") == 1
    assert "{{ 7*7 }}" in html
    assert "SIMULATED" not in html and "not said to be simulated" in html


def test_without_a_calibration_it_is_said_first(tmp_path: Path) -> None:
    html = page(tmp_path)
    warned = html.index("Not calibrated.")
    assert html.index("Do not rely on the figure below") < warned < html.index('<p class="big">')
    assert "<strong>not corrected</strong>" in html
    assert "Nothing is corrected" in html
    assert "Known wheat called this" not in html


def test_a_grave_caution_stands_above_the_figure_and_on_it(tmp_path: Path) -> None:
    """A hurried reader takes the largest number of a page."""
    doubted = [(2, 0.6, True, False)] * 30 + [(0, 0.97, False, False)] * 3
    facts, reference = case(tmp_path / "a", seeds=doubted, made=calibration())
    facts = replace(facts, notes=("bands go by wavelength",))
    assert "30 of 33 seeds are doubtful" in facts.grave[0]
    assert facts.lesser == ("Bands go by wavelength.",)
    gallery = draw_gallery(facts.samples, facts.lot, reference, most=5, value="counts")
    html = draw_page(facts, gallery, reference)
    assert Outline(html).open == []
    places = [
        html.index(text)
        for text in (
            "Do not rely on the figure below", "30 of 33 seeds are doubtful",
            "Not to be relied on as it stands: see above", '<p class="big">',
            "Before you use these figures", "Bands go by wavelength.",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert html.count("30 of 33 seeds are doubtful") == 1
    assert "not to be relied on: see page 1" in html  # below each page on paper
    sound = page(tmp_path / "b", made=calibration())
    assert "see page 1" not in sound
    body = sound.partition("<body>")[2]
    assert "relied on" not in body and 'class="warnings' not in body
    text = "\n".join(lines(facts.figures, 0.95, reliable=not facts.grave))
    assert text.index("NOT TO BE RELIED ON AS IT STANDS") < text.index("purity   ")
    share = facts.figures.purity.settled.corrected
    assert share is not None
    limits = interval(share.purity)  # before the estimate, and larger
    assert f'<p class="big"><b>{limits}</b>' in html
    assert f"purity   {limits} (estimate {percent(share.purity.value)}) corrected" in text


def test_an_interval_that_leaves_all_open_is_a_grave_caution(tmp_path: Path) -> None:
    few, _ = case(tmp_path / "a", seeds=SEEDS[:4], made=calibration())
    (told,) = few.grave
    assert told.startswith("The purity is hardly known: anything from ")
    assert "known seeds to calibrate with" in told
    share = few.figures.purity.settled.corrected
    assert share is not None and f"{percent(share.purity.low)} to" in told


def test_warnings(tmp_path: Path) -> None:
    made = calibration()
    facts, _ = case(tmp_path / "a", made=made)
    assert facts.warnings == () and facts.simulated == ("the seeds of this lot",)
    strange = [*SEEDS[:20], *[(1, 0.5, False, True)] * 20]
    much, _ = case(tmp_path / "b", seeds=strange, made=made)
    assert any("50.0 % of the seeds were rejected, of known seeds" in w for w in much.warnings)
    seeds = range(len(facts.samples))
    assert "These are seeds that the model learned from" in replace(facts, learned=seeds).grave[0]
    (told,) = replace(facts, fitted=seeds[1:4]).grave
    assert told.startswith(
        f"3 of {len(seeds)} seeds, such as {facts.samples.ids[1]}, are seeds that the model was "
        "calibrated with (the same files or records): it judges them by themselves"
    )
    easy, _ = case(tmp_path / "c", seeds=[(2, 0.99, False, False)] * 2000, made=calibration(),
                   shape={"rgb": 2, "hs": 2})  # fmt: skip
    assert "This lot is not like the seeds" in easy.warnings[0]
    assert "always knows the crop" in agreement(easy.figures.purity.settled)
    noted = replace(facts, notes=("bands go by wavelength",))
    assert noted.warnings[-1] == "Bands go by wavelength."
    assert "Bands go by wavelength." not in noted.grave
    false = replace(facts, notes=("RGB images are false colour: not to be relied on",))
    assert "RGB images are false colour: not to be relied on." in false.grave


def test_reference_is_of_known_seeds_where_there_are_some(small_data: Path, tmp_path: Path) -> None:
    known = open_dataset(small_data)
    classes = tuple(known.classes)
    found = of_known(known, classes, known, None)
    assert set(found.means) == set(classes) and set(found.seeds.values()) == {4}
    assert f"up to {OF_EACH} known seeds each, from SIMULATED small simulated seeds" in found.words
    facts, own = case(tmp_path / "lot", made=calibration())
    assert set(own.means) == set(CLASSES)
    assert own.seeds == {"oat": 3, "rye": 1, "wheat": 30}  # doubtful ones are left out
    assert "of this lot that were called so" in own.words
    assert "12 bands, those of the lot 8" in differs(known, facts.samples)
    with pytest.raises(ConfigError, match="no reference for this lot: its cubes have 12 bands"):
        of_known(known, classes, facts.samples, None)
    with pytest.raises(ConfigError, match=r"no seed of the model's classes \(oat, rye, wheat\)"):
        of_known(known, CLASSES, known, None)
    assert learned_from(tmp_path, known.fingerprint, known) is None  # no run there


def test_a_blank_seed_has_no_spectrum_and_no_harm(tmp_path: Path) -> None:
    facts, _ = case(tmp_path / "a", made=calibration())
    blank = [sample(i, label=None, rgb=24, hs=6, bands=8) for i in range(len(SEEDS))]
    for one in blank:
        object.__setattr__(one, "hs", np.zeros_like(one.hs))
    write_tfrecords(tmp_path / "b", blank)
    facts = replace(facts, samples=open_dataset(tmp_path / "b"))
    reference = of_lot(facts.samples, facts.lot)
    assert reference.means == {}
    gallery = draw_gallery(facts.samples, facts.lot, reference, most=9, value="counts")
    assert {card.line for card in gallery.cards} == {""}
    assert Outline(draw_page(facts, gallery, reference)).open == []


def test_a_lot_of_strangers_alone(tmp_path: Path) -> None:
    html = page(tmp_path, seeds=[(1, 0.5, False, True)] * 5, made=calibration(), weights=WEIGHTS)
    assert Outline(html).open == []
    assert "By weight" not in html.partition("How it was computed")[0]
    assert html.count('<li class="card"') == 5


def test_percent_never_rounds_to_all_or_nothing() -> None:
    assert [percent(x) for x in (0, 1, 0.5, 0.9996, 0.00001, 0.99999, 0.0004)] == [
        "0.0 %", "100.0 %", "50.0 %", "99.96 %", "below 0.01 %", "above 99.99 %", "0.04 %",
    ]  # fmt: skip
    assert told(Share(0.5, 0.25, 0.75, 0.95)) == "50.0 % (25.0 % to 75.0 %)"


def test_a_terminal_is_told_what_matters(tmp_path: Path) -> None:
    facts, _ = case(tmp_path, made=calibration(), weights=WEIGHTS)
    text = "\n".join(lines(facts.figures, 0.95))
    assert "39: 32 wheat, 5 other, 2 rejected; 3 doubtful" in text
    assert text.count("corrected for mistakes") == 2 and "by weight" in text
    assert "oat 3, rye 2" in text


def test_doubt_for_want_of_calibration_samples_is_called_that(tmp_path: Path) -> None:
    made = calibration()
    few = replace(made, conformal=replace(made.conformal, samples=(5, 5, 6)))
    doubted = [(2, 0.6, True, False)] * 30 + [(0, 0.97, False, False)] * 3
    facts, _ = case(tmp_path, seeds=doubted, made=few)
    assert "not sure of this lot" not in facts.grave[0]
    assert "16 calibration samples are too few for alpha 0.05, which takes 19" in facts.grave[0]
    assert "bimae calibrate --alpha 0.06)" in facts.grave[0]


def test_no_number_of_seeds_is_told_where_none_can_be(tmp_path: Path) -> None:
    plain, _ = case(tmp_path / "plain")
    (told,) = (line for line in lines(plain.figures, 0.95) if "confidence" in line)
    assert "if the classifier never erred; how often it does is not known" in told
    easy, _ = case(tmp_path / "easy", seeds=[(2, 0.99, False, False)] * 2000, made=calibration(),
                   shape={"rgb": 2, "hs": 2})  # fmt: skip
    (told,) = (line for line in lines(easy.figures, 0.95) if "confidence" in line)
    assert told.endswith("cannot be said while no purity explains them.")
    assert easy.figures.plan.needed is None and "explains" in easy.figures.plan.why
