"""The page of `bimae data inspect`: what it says of good, odd and hostile data."""

import base64
import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2lab

from bimae.data import DatasetInfo, open_dataset, split_dataset, write_tfrecords
from bimae.errors import BandError, ConfigError
from bimae.report.inspect import MARK, draw_page
from bimae.report.inspect.charts import COLOURS, Axes, round_values, unbroken
from bimae.report.inspect.measure import (
    choose_examples,
    choose_samples,
    class_spectrum,
    measure,
    middle_of,
)
from bimae.report.inspect.pictures import Stretch, band_pictures, false_colour, spread_bands
from bimae.report.inspect.quality import BandSums, runs_without_gaps, suspicions
from bimae.report.inspect.tally import ClassRow, tally
from bimae.spectra import BandSelection
from tests.data.small_samples import sample

HOSTILE = "</script><script>document.documentElement.dataset.hacked='yes'</script>"


class Parsed(HTMLParser):
    """The text that a person sees, the elements, and every place a page could load from."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                self.loads.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)


def opened(folder, samples, *, split=None, **info):
    write_tfrecords(folder, samples, split=split)
    DatasetInfo(**info).save(folder)
    return open_dataset(folder, hs_size=None, rgb_size=None)


def page_of(folder, samples, *, options=None, **info) -> Parsed:
    ds = opened(folder, samples, **info)
    return checked(draw_page(ds, path=str(folder), **(options or {})).html)


def checked(html: str) -> Parsed:
    """The parsed page, after what must hold for every page."""
    page = Parsed(html)
    assert html.index(MARK) < 200
    assert page.loads, "no pictures"
    assert all(place.startswith(("data:image/", "#")) for place in page.loads)
    assert page.tags.count("script") == 2
    assert not page.handlers
    assert not {"link", "iframe", "object", "embed"} & set(page.tags)
    assert "default-src 'none'" in html
    assert not {"nan", "NaN", "inf", "None"} & set(page.text.split())
    data_of(html)
    return page


def data_of(html: str) -> dict:
    """What the page's script reads; strict JSON, as a browser wants it."""
    return json.loads(between(html, 'id="data">', "</script>"), parse_constant=pytest.fail)


def between(text: str, start: str, end: str) -> str:
    begin = text.index(start) + len(start)
    return text[begin : text.index(end, begin)]


def cube_sample(number, cube, **changed):
    return replace(sample(number, **changed), hs=cube)


# ---- the whole page


def test_page_of_simulated_seeds(small_data) -> None:
    ds = open_dataset(small_data, hs_size=None, rgb_size=None)
    drawn = draw_page(ds, path=str(small_data), per_class=2)
    page = checked(drawn.html)
    assert drawn.samples_read == 76
    assert "SIMULATED" in page.text
    assert "small simulated seeds" in page.text
    assert "8 \N{MULTIPLICATION SIGN} 8 pixels, uint8" in page.text
    assert "400 to 1000 nm" in page.text
    # 19 classes x 2 samples, each as RGB, false colour and four bands
    assert page.tags.count("img") == 19 * 2 * 6
    assert all(name in page.text for name in ds.classes)
    assert len(drawn.html) < 2_000_000


def test_the_same_data_and_seed_draw_the_same_page(small_data) -> None:
    ds = open_dataset(small_data, hs_size=None, rgb_size=None)
    first, again, other = (
        draw_page(ds, path="x", per_class=1, seed=seed).html for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_real_data_are_not_called_simulated(tmp_path) -> None:
    page = page_of(tmp_path, [sample(i) for i in range(3)])
    assert "simulated" not in page.text.lower()


def test_names_of_strangers_are_text_and_nothing_else(tmp_path) -> None:
    names = [HOSTILE, '"><img src=x onerror=alert(1)>', "Gänseblümchen & Söhne", "{{ 7 * 7 }}"]
    samples = [
        sample(i, label=name, group=f"g{name}", id=f"id {name} {i}")
        for i, name in enumerate(names * 2)
    ]
    page = page_of(tmp_path, samples, name=HOSTILE, source=HOSTILE, sensor="<b>", unit="<i>")
    for name in names:
        assert name in page.text
    assert "49" not in page.text.split()
    assert page.tags.count("img") == 8 * 6


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: [sample(0)], "1 sample"),
        (lambda: [sample(i, bands=1) for i in range(4)], "there is only one band"),
        (lambda: [sample(i, bands=2) for i in range(4)], "Noise cannot be estimated"),
        (lambda: [sample(i, hs=1, rgb=1) for i in range(4)], "Noise cannot be estimated"),
        (lambda: [sample(0, hs=1, rgb=1, bands=1)], "1 \N{MULTIPLICATION SIGN} 1 pixels"),
        (lambda: [sample(i, label=None) for i in range(4)], "(no label)"),
        (lambda: [sample(i, label=None if i else "a") for i in range(4)], "without a label"),
        (lambda: [sample(i, rgb=(3 + i, 90)) for i in range(4)], "4 sizes"),
        (lambda: [sample(i, hs=(2 + i, 3)) for i in range(3)], "3 sizes"),
        (lambda: [sample(i, dtype=np.float32) for i in range(4)], "float32"),
        (lambda: [sample(i, dtype=(np.uint8, np.float32)[i]) for i in range(2)], "two number"),
        (lambda: [sample(i, group="tray 1") for i in range(2)], "tray 1"),
        (lambda: [sample(i, id="same") for i in range(2)], "1 id stand"),
        (lambda: [cube_sample(i, np.zeros((3, 3, 5), np.uint8)) for i in range(2)], "but zeros"),
        (lambda: [cube_sample(i, np.full((3, 3, 5), 7, np.uint8)) for i in range(2)], "dead"),
        (lambda: [cube_sample(0, np.full((80, 80, 5), 3e38, np.float32))], "evenly spaced ones"),
    ],
)  # fmt: skip
def test_odd_data_are_drawn(tmp_path, make, said) -> None:
    page = page_of(tmp_path, make())
    assert said in page.text
    assert "band (numbered from 0)" in page.text
    assert "wavelengths are unknown" in page.text


def test_many_classes_say_what_is_left_out(tmp_path) -> None:
    samples = [sample(i, label=f"class {i % 500:03d}", rgb=2, hs=2) for i in range(510)]
    page = page_of(tmp_path, samples)
    assert page.tags.count("figure") < 300
    assert "left out are 440 classes" in page.text
    assert "class 499" in page.text  # in the table of all classes
    large = [f"class {i:03d}" for i in range(10)]  # two samples each: these are shown
    assert all(page.text.count(name) > 3 for name in large)


def test_unlabelled_data_show_more_samples(tmp_path) -> None:
    page = page_of(tmp_path, [sample(i, label=None) for i in range(30)], options={"per_class": 2})
    assert page.tags.count("figure") == 8 + 1 + 2 + 1  # samples, spectra of two regions, others
    assert "8 of 30" in page.text


def test_false_colour_rgb_is_marked(tmp_path) -> None:
    assert "are made from bands" in page_of(tmp_path, [sample(0)], rgb="false colour").text
    assert "are made from bands" not in page_of(tmp_path / "b", [sample(0)], rgb="camera").text


def test_bands_and_counts_that_cannot_be(tmp_path) -> None:
    ds = opened(tmp_path, [sample(0)])
    with pytest.raises(BandError, match="no band 9"):
        draw_page(ds, path="x", bands=BandSelection("9"))
    with pytest.raises(ConfigError, match="at least 1"):
        draw_page(ds, path="x", per_class=0)


def test_chosen_bands_are_shown_under_their_wavelengths(tmp_path) -> None:
    nm = tuple(range(400, 900, 100))
    options = {"bands": BandSelection("500,800nm")}
    page = page_of(tmp_path, [sample(0)], wavelengths_nm=nm, options=options)
    assert page.tags.count("img") == 4
    assert "500 nm" in page.text and "800 nm" in page.text and "700 nm" not in page.text
    many = page_of(tmp_path / "b", [sample(0, bands=40)], options={"bands": BandSelection("all")})
    assert "12 of the bands that were asked for; 28 are left out" in many.text


def test_a_drawn_sample_is_called_one(tmp_path) -> None:
    ds = opened(tmp_path, [sample(i, label="ab"[i % 2]) for i in range(30)])
    drawn = draw_page(ds, path="x", most=12)
    assert drawn.samples_read == 12
    assert "over 12 samples of them, drawn at random with seed 0" in Parsed(drawn.html).text
    assert "All figures are over all 30" in Parsed(draw_page(ds, path="x").html).text


# ---- the split


def test_split_file_goes_before_what_files_declare(tmp_path) -> None:
    samples = [sample(i, group=f"g{i // 2}", label="ab"[i % 2]) for i in range(20)]
    ds = opened(tmp_path, samples)
    assert tally(ds).parts.names == ()
    split = split_dataset(ds, seed=1)
    split.save(tmp_path / "split.json", ds)
    parts = tally(ds).parts
    assert parts.names == ("train", "val", "test")
    for name in parts.names:
        assert [i for i, part in enumerate(parts.of) if part == name] == sorted(
            getattr(split, name)
        )
    assert split.how in Parsed(draw_page(ds, path="x").html).text


def test_split_of_other_data_is_told_and_not_shown(tmp_path) -> None:
    other = opened(tmp_path / "other", [sample(i) for i in range(9)])
    ds = opened(tmp_path / "mine", [sample(i + 50) for i in range(9)])
    split_dataset(other).save(tmp_path / "mine" / "split.json", other)
    drawn = draw_page(ds, path="x")
    assert any("made for other data" in note for note in drawn.notes)
    assert tally(ds).parts.names == ()


def test_leaks_and_gaps_of_a_declared_split_are_told(tmp_path) -> None:
    write_tfrecords(tmp_path, [sample(i, group="tray") for i in range(3)], split="train")
    rest = [sample(9, group="tray"), sample(10, group="b", label="late")]
    write_tfrecords(tmp_path, rest, split="test")
    ds = open_dataset(tmp_path, hs_size=None, rgb_size=None)
    told = " ".join(draw_page(ds, path="x").notes)
    assert "1 group in more than one part of the split (tray)" in told
    assert "Not a sample in train of late" in told
    assert "2 classes from one group only: a, late" in told
    counts = tally(ds)
    assert [row.by_part for row in counts.classes] == [(3, 1), (0, 1)]
    assert [row.only_group for row in counts.classes] == ["tray", "b"]
    assert [row.parts for row in counts.groups] == [("test",), ("train", "test")]


# ---- measurement


def test_mean_and_spread_leave_out_padding(tmp_path) -> None:
    rng = np.random.default_rng(0)
    cubes = rng.random((5, 6, 4, 3)).astype(np.float32) + 0.1
    cubes[:, 0] = 0  # a row of padding
    cubes[0, 1, 1, 0] = 0  # a zero in one band is a measurement
    ds = opened(tmp_path, [cube_sample(i, cube) for i, cube in enumerate(cubes)])
    found = measure(ds, range(5), [0])
    means = cubes[:, 1:].astype(np.float64).mean(axis=(1, 2))
    np.testing.assert_allclose(found.spectra["whole"], means)
    np.testing.assert_allclose(found.filled, 5 / 6)
    middle = cubes[:, 1:5, 1:3].astype(np.float64).mean(axis=(1, 2))
    np.testing.assert_allclose(found.spectra["middle"], middle)
    spectrum = class_spectrum(found, tally(ds).classes[0], "whole")
    assert spectrum.samples == 5
    np.testing.assert_allclose(spectrum.mean, means.mean(axis=0))
    np.testing.assert_allclose(spectrum.deviation, means.std(axis=0, ddof=1))
    np.testing.assert_allclose(found.quality.mean, cubes[:, 1:].mean(axis=(0, 1, 2)), rtol=1e-5)
    assert found.quality.pixels == 5 * 20
    shown = data_of(draw_page(ds, path="x").html)["classes"][0]
    np.testing.assert_allclose(shown["mean"]["whole"], means.mean(axis=0), rtol=1e-3)


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_middle_is_half_as_high_and_half_as_wide(height, width) -> None:
    middle = middle_of(np.zeros((height, width, 1), np.uint8))
    for whole, part in ((height, middle.shape[0]), (width, middle.shape[1])):
        assert part >= max(1, whole / 2)
        assert part <= whole / 2 + 1.5


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.integers(1, 200),
    st.integers(0, 3),
)
def test_a_draw_is_as_large_as_asked_and_forgets_no_class(sizes, most, seed) -> None:
    ends = np.cumsum([0, *sizes])
    rows = [
        ClassRow(str(k), tuple(range(ends[k], ends[k + 1])), (), 0, None) for k in range(len(sizes))
    ]
    drawn = choose_samples(rows, most, seed)
    assert drawn == sorted(set(drawn)) == choose_samples(rows, most, seed)
    assert len(drawn) == min(most, sum(sizes))
    if most >= len(sizes):
        assert all(set(row.samples) & set(drawn) for row in rows)
    examples = choose_examples(rows[0], 3, seed)
    assert set(examples) <= set(rows[0].samples)
    assert len(examples) == min(3, sizes[0])


# ---- quality of bands


def quality_of(pixels, ceiling=None, nm=None, samples=10):
    sums = BandSums(pixels.shape[1], nm)
    for part in np.array_split(pixels, samples):
        sums.add(part)
    return sums.quality(ceiling)


def smooth(bands=40, pixels=1000, noise=0.002, seed=0):
    rng = np.random.default_rng(seed)
    base = 0.5 + 0.2 * np.sin(np.linspace(0, 3, bands))
    return base * rng.uniform(0.8, 1.2, (pixels, 1)) + rng.normal(0, noise, (pixels, bands))


def kinds(quality, nm=None) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for item in suspicions(quality, nm):
        found.setdefault(item.kind, []).extend(item.bands)
    return found


def test_good_bands_are_not_suspicious() -> None:
    assert kinds(quality_of(smooth())) == {}


@pytest.mark.parametrize("noise", [0.001, 0.004])
def test_noise_is_found_as_it_was_put_in(noise) -> None:
    nm = tuple(np.cumsum(np.random.default_rng(1).uniform(3, 9, 40)))  # uneven, like a sensor's
    flat = 0.5 + np.random.default_rng(2).normal(0, noise, (20000, 40))
    found = quality_of(flat, nm=nm, samples=200)
    np.testing.assert_allclose(found.noise, noise, rtol=0.05)
    np.testing.assert_allclose(found.relative_noise, noise / 0.5, rtol=0.05)


def test_each_defect_is_named_with_its_band() -> None:
    pixels = smooth()
    rng = np.random.default_rng(5)
    pixels[:, 3] = 0.25
    pixels[:, 9] = pixels[:, 8]
    pixels[:, 15] += rng.normal(0, 0.08, len(pixels))
    pixels[:50, 22] = 2.0
    pixels[:50, 28] = -0.01
    found = kinds(quality_of(pixels))
    assert found["dead"] == [3]
    assert found["copied"] == [9]
    assert 15 in found["noisy"] and not {14, 16} & set(found["noisy"])
    assert found["saturated"] == [22]
    assert found["below zero"] == [28]


def test_a_step_is_found_but_not_at_a_gap() -> None:
    pixels = smooth(noise=0.0001)
    pixels[:, 20] *= 0.3
    assert 20 in kinds(quality_of(pixels))["a step"]
    nm = tuple(float(x) for x in [*range(400, 420), *range(900, 920)])
    pixels = smooth(noise=0.0001)
    pixels[:, 20:] *= 0.2
    assert "a step" not in kinds(quality_of(pixels, nm=nm), nm)


def test_saturation_of_bytes_is_at_255_only(tmp_path) -> None:
    rng = np.random.default_rng(0)
    cubes = rng.integers(1, 30, (3, 8, 8, 6)).astype(np.uint8)
    cubes[:, :, 0, 2] = 255
    ds = opened(tmp_path, [cube_sample(i, cube) for i, cube in enumerate(cubes)])
    quality = measure(ds, range(3), [0]).quality
    np.testing.assert_allclose(quality.saturated, [0, 0, 1 / 8, 0, 0, 0])
    assert kinds(quality)["saturated"] == [2]


def test_the_brightest_pixel_of_all_is_not_saturated() -> None:
    pixels = np.random.default_rng(0).random((60, 7))
    assert not quality_of(pixels).saturated.any()
    pixels[:2, 3] = 1.5
    np.testing.assert_allclose(quality_of(pixels).saturated, [0, 0, 0, 2 / 60, 0, 0, 0])


def test_sums_do_not_depend_on_how_pixels_are_grouped() -> None:
    pixels = np.random.default_rng(0).integers(0, 5, (60, 7)).astype(float)
    one, many = quality_of(pixels, samples=1), quality_of(pixels, samples=13)
    for name in ("minimum", "mean", "maximum", "saturated", "negative", "repeats"):
        np.testing.assert_allclose(getattr(one, name), getattr(many, name))
    np.testing.assert_array_equal(one.saturated, (pixels == pixels.max()).mean(axis=0))


# ---- pictures


def decoded(uri: str) -> Image.Image:
    head, text = uri.split(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_band_pictures_keep_pixels_and_leave_out_padding() -> None:
    values = np.linspace(0, 1, 12).reshape(3, 4, 1).astype(np.float32)
    padding = np.zeros((3, 4), bool)
    padding[0, 0] = True
    (uri,) = band_pictures(values, Stretch(np.zeros(1), np.ones(1)), padding)
    pixels = np.asarray(decoded(uri).convert("RGBA")).astype(int)
    assert pixels.shape == (3, 4, 4)
    assert pixels[0, 0, 3] == 0
    assert (pixels.reshape(-1, 4)[1:, 3] == 255).all()
    # viridis: from dark violet to yellow, ever brighter
    luminance = pixels.reshape(-1, 4)[1:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()
    assert tuple(pixels[2, 3, :3]) == (253, 231, 37)


@given(st.integers(1, 60), st.integers(1, 20))
def test_spread_bands_are_some_of_the_chosen_in_order(count, most) -> None:
    chosen = list(range(100, 100 + count))
    found = spread_bands(chosen, most)
    assert len(found) == min(count, most)
    assert list(found) == sorted(set(found))
    assert set(found) <= set(chosen)


def test_false_colour_is_natural_only_where_the_wavelengths_are() -> None:
    visible = tuple(float(x) for x in range(400, 1001, 10))
    assert false_colour(61, visible).bands == (24, 15, 6)
    assert false_colour(61, visible).natural
    infrared = tuple(float(x) for x in range(900, 1700, 10))
    found = false_colour(80, infrared)
    assert found.bands == (79, 39, 0)
    assert "not natural colours" in found.words and "1690 nm" in found.words
    assert "band 4" in false_colour(5, None).words


# ---- charts


@given(
    st.lists(st.floats(0.1, 100), min_size=0, max_size=40),
    st.integers(0, 2**40 - 1),
)
def test_lines_connect_every_known_point_and_cross_no_gap(steps, known) -> None:
    x = np.cumsum([400.0, *steps])
    y = np.array([1.0 if known >> i & 1 else np.nan for i in range(len(x))])
    runs = unbroken(list(x), y)
    assert [i for run in runs for i in run] == np.flatnonzero(np.isfinite(y)).tolist()
    whole = [set(run) for run in runs_without_gaps(list(x))]
    for run in runs:
        assert run == list(range(run[0], run[-1] + 1))
        assert any(set(run) <= each for each in whole)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
@example(1e6, 1e-3, 2)  # steps far smaller than what they begin at
def test_ticks_are_round_and_within(low, width, about) -> None:
    values = round_values(low, low + width, about)
    assert all(low - 1e-6 * width <= v <= low + width * (1 + 1e-6) for v in values)
    assert len(values) <= about + 1
    steps = np.diff(values)
    assert np.allclose(steps, steps[:1].repeat(len(steps)), rtol=1e-3)


# Machado, Oliveira, Fernandes (2009): what is left of linear RGB without one kind of cone.
VISIONS = {
    "normal": np.eye(3),
    "no red cones": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green cones": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue cones": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_lines_are_told_apart(vision) -> None:
    srgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in COLOURS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    assert (1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3).all()  # contrast to white
    seen = (linear @ np.transpose(VISIONS[vision])).clip(0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(encoded[None])[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert apart[~np.eye(len(lab), dtype=bool)].min() > 25


def test_a_gap_in_the_wavelengths_is_a_gap_in_the_line() -> None:
    axes = Axes(100, 100, 0, 100, 0, 100, (0, 100), (0, 1))
    x = [0.0, 1, 2, 3, 60, 61, 62]
    assert axes.line(x, np.full(7, 0.5)).count("M") == 2
    assert axes.line([0.0, 1, 2, 3], np.array([0, np.nan, 1, 1])).count("M") == 2
    assert axes.area(x, np.zeros(7), np.ones(7)).count("Z") == 2
