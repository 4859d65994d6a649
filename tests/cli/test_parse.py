from dataclasses import dataclass
from pathlib import Path

import pytest

from bimae.cli.parse import parse
from bimae.errors import ConfigError
from bimae.train.options import FinetuneOptions, PretrainOptions
from tests.cli.run import mistakes, run


def read(*words: str, kind: type = FinetuneOptions):  # type: ignore[no-untyped-def]
    return parse(kind, words, prog="bimae x", about="", example="")


def told(*words: str, kind: type = FinetuneOptions) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(*words, kind=kind)
    return str(caught.value).splitlines()[:-1]  # the last one points to --help


def test_both_spellings_and_both_ways_to_give_a_value() -> None:
    one = read("--data", "d", "--batch-size", "8", "--learning_rate=1e-3")
    assert (one.data, one.batch_size, one.learning_rate) == (Path("d"), 8, 1e-3)


def test_defaults_are_the_papers() -> None:
    pre = read("--data=d", kind=PretrainOptions)
    assert (pre.epochs, pre.batch_size, pre.learning_rate, pre.warmup) == (300, 512, 1e-4, 0.1)
    assert (pre.hs_mask_ratio, pre.rgb_mask_ratio) == (0.9, 0.75)
    fine = read("--data=d")
    assert (fine.epochs, fine.learning_rate, fine.warmup, fine.weight_decay) == (
        50,
        5e-4,
        0.05,
        0.05,
    )


def test_switches_need_no_value() -> None:
    assert read("--data=d", "--overwrite").overwrite
    assert read("--overwrite", "--data=d").overwrite
    assert not read("--data=d", "--overwrite=false").overwrite
    assert not read("--data=d", "--overwrite", "false").overwrite


def test_every_mistake_is_told_at_once() -> None:
    lines = told(
        "--epochs=many",
        "--modalty=rgb",
        "--scale=sideways",
        "--batch-size=0",
        "--patch-size=7",
        "--rgb-size=48",
    )
    text = "\n".join(lines)
    for part in (
        "--data is required",
        "--epochs 'many'",
        "--modalty is no option; did you mean --modality?",
        "--scale 'sideways'",
        "batch_size is 0",
        "rgb_size 48 is not a multiple of patch_size 7",
    ):
        assert part in text
    assert len(lines) == 6


def test_band_selections_are_checked_before_any_file_is_opened() -> None:
    assert "is not understood" in told("--data=d", "--bands=top5")[0]
    assert "reads no bands" in told("--data=d", "--bands=top_5", "--modality=rgb")[0]


def test_yaml_and_command_line_go_together(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("data: d\nepochs: 7\nbatch-size: 16\noverwrite: true\nhs_size: null\n")
    options = read("--config", str(config), "--epochs", "9")
    assert (options.epochs, options.batch_size, options.overwrite) == (9, 16, True)
    assert options.hs_size is None
    before = read("--epochs=9", f"--config={config}")
    assert before.epochs == 9  # the command line goes over the file wherever it stands


def test_yaml_mistakes_name_the_file(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("data: d\nlearing_rate: 1\nepochs: [1]\n")
    lines = told("--config", str(config))
    assert lines[0].startswith(f"{config}: learing_rate is no option; did you mean --learning-rate")
    assert lines[1].startswith(f"{config}: epochs '[\"1\"]'")


def test_yaml_values_are_read_as_the_options_kind(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("data: 2024-01-01\nlearning_rate: 1e-3\nresume:\nseed: 010\n")
    options = read("--config", str(config))
    assert options.data == Path("2024-01-01")  # a folder named by its date, not a date
    assert options.learning_rate == 1e-3
    assert options.resume is None


@pytest.mark.parametrize(("text", "says"), [("a: [", "not readable as YAML"), ("- 1", "list")])
def test_yaml_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read("--config", str(config))
    with pytest.raises(ConfigError, match="No such file"):
        read("--config", str(tmp_path / "none.yaml"))


def test_loose_words_and_missing_values() -> None:
    with pytest.raises(ConfigError, match="'loose' is not understood"):
        read("loose", "--data=d")
    with pytest.raises(ConfigError, match="--data needs a value"):
        read("--data")


@dataclass(frozen=True)
class Lists:
    data: Path
    ratios: tuple[float, float, float] = (0.7, 0.15, 0.15)
    names: list[str] | None = None
    numbers: tuple[int, ...] = ()
    again: bool = False


@pytest.mark.parametrize(
    "words",
    [
        ("d", "--ratios", ".6", ".2", ".2"),
        ("--ratios", ".6", ".2", ".2", "d"),  # three are taken, the fourth word is the folder
        ("--ratios", ".6,.2,.2", "d"),
        ("--ratios=.6,.2,.2", "d"),
        ("--ratios", ".6,", ".2,", ".2", "d"),
        ("--ratios=[.6, .2, .2]", "d"),
        ("--ratios", "6e-1", ".2", ".2", "--data=d"),
    ],
)
def test_options_of_several_values(words: tuple[str, ...]) -> None:
    options = parse(Lists, words, prog="x", about="", example="", positionals=("data",))
    assert options == Lists(Path("d"), (0.6, 0.2, 0.2))


def test_lists_of_any_length() -> None:
    options = read("--names", "a b", "c,d", "7", "--numbers=3,4", "--data", "d", kind=Lists)
    assert options.names == ["a b", "c,d", "7"]
    assert options.numbers == (3, 4)
    assert read("--names=null", "--data=d", kind=Lists).names is None


def test_lists_in_yaml(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    for text in ("[.6, .2, .2]", ".6, .2, .2", "\n- .6\n- .2\n- .2"):
        config.write_text(f"data: d\nratios: {text}\n")
        assert read("--config", str(config), kind=Lists).ratios == (0.6, 0.2, 0.2)


def test_mistakes_in_lists_are_told_with_the_others() -> None:
    lines = told("--ratios", ".7", ".3", "--again=maybe", "--numbers", "3", "x", kind=Lists)
    assert lines[0] == "--data is required"
    assert lines[1] == "--ratios '.7 .3': Expected a tuple with 3 elements."
    assert lines[2].startswith("--again 'maybe'")
    assert lines[3].startswith("--numbers '3 x': Expected a whole number")
    assert len(lines) == 4
    with pytest.raises(ConfigError, match="--ratios needs a value"):
        read("--ratios", "--data=d", kind=Lists)
    negative = told("--data=d", "--ratios", "-.7", "1", "x", kind=Lists)
    assert negative[0].startswith("--ratios '-.7 1 x'")


def test_a_word_alone_is_told_where_it_belongs() -> None:
    with pytest.raises(ConfigError, match="'d/T' is not understood; options start with --: write "):
        read("d/T", "--epochs=3")
    with pytest.raises(ConfigError, match=r'put quotes around both: --data "d loose"\)$'):
        read("--data=d", "loose")


@pytest.mark.parametrize("verb", ["finetune", "pretrain", "distill"])
def test_the_data_of_a_training_need_no_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    teacher = (f"--teacher={tmp_path / 'none'}",) if verb == "distill" else ()
    for words in ([tmp_path / "T"], ["--data", tmp_path / "T"], ["--epochs=1", tmp_path / "T"]):
        (line,) = mistakes(run(capsys, verb, *words, *teacher, f"--out={tmp_path / 'r'}"))
        assert "T: " in line or verb == "distill"
        assert "not understood" not in line and "required" not in line
    assert "DATA is required" in mistakes(run(capsys, verb, *teacher))[0]
    line = mistakes(run(capsys, verb, "T", "runs/a", *teacher))[0]
    assert line.endswith("'runs/a' is not understood; options start with --")


def test_a_recipe_of_another_verb_is_told_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ran = run(capsys, "pretrain", tmp_path, "--config=few-samples", "--epohcs=3")
    recipe, other, _ = mistakes(ran)
    assert "--config few-samples is a recipe of bimae finetune; leave it out" in recipe
    assert "has no option pool, discriminant, class_weights" in recipe
    assert "--epohcs is no option; did you mean --epochs?" in other
