"""Tree crowns seen by two sensors: convert, pretrain, fine-tune, compare. Not seeds.

    python examples/idtrees/run.py --src ../shared/data/idtrees2020 --out runs/idtrees

Every training step is an ordinary `bimae` command, printed before it runs; nothing here is special
to these data but the conversion. Some tens of minutes on two cores with the defaults.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from convert import convert

from bimae.data import open_dataset, split_dataset
from bimae.evaluate.baselines import classical_baselines

VARIANTS = (
    ("both, pretrained", "bimodal", True),
    ("RGB only, pretrained", "rgb", True),
    ("spectra only, pretrained", "hs", True),
    ("both, from scratch", "bimodal", False),
)


def main() -> None:
    """Reads the options and runs every stage; what is done already is not run again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--src", type=Path, required=True, help="folder of idtrees2020")
    parser.add_argument("--out", type=Path, default=Path("runs/idtrees"), help="folder to write to")
    parser.add_argument("--fold", type=int, default=0, help="held-out fold, 0 to 4")
    parser.add_argument("--site", choices=("all", "MLBS"), default="all", help="sites to use")
    parser.add_argument("--bands", default="step_8", help="bands for fine-tuning")
    parser.add_argument("--pretrain-epochs", type=int, default=15)
    parser.add_argument("--finetune-epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run(options)


def run(options: argparse.Namespace) -> None:
    """Converts, trains every variant, and prints and writes the table."""
    out = options.out / f"fold{options.fold}-{options.site}"
    if not (out / "data" / "crowns" / "dataset.json").is_file():
        print("converting plots to TFRecords")
        convert(options.src, out / "data", fold=options.fold, site=options.site)
    train(
        out / "pretrain",
        f"pretrain --data {out / 'data' / 'windows'} --epochs {options.pretrain_epochs} "
        f"--batch-size 16 --learning-rate 5e-4 --seed {options.seed}",
    )
    rows = []
    for name, modality, pretrained in VARIANTS:
        folder = out / name.replace(",", "").replace(" ", "-")
        train(
            folder,
            f"finetune --data {out / 'data' / 'crowns'} --modality {modality} "
            f"--epochs {options.finetune_epochs} --batch-size 16 --seed {options.seed}"
            + (f" --weights {out / 'pretrain'}" if pretrained else "")
            + (f" --bands {options.bands}" if modality != "rgb" else ""),
        )
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        rows.append({"what": name, **{k: results[k] for k in ("accuracy", "macro_f1")}})
    rows += baselines(out / "data" / "crowns")
    facts = {name: str(value) for name, value in vars(options).items()}
    (out / "comparison.json").write_text(json.dumps({"options": facts, "rows": rows}, indent=2))
    print(f"\n{table(rows)}\n\ntree crowns, not seeds; fold {options.fold} held out ({out})")


def train(folder: Path, words: str) -> None:
    """Trains into `folder`, unless it is done; a run that was stopped is taken up again."""
    if any((folder / last).is_file() for last in ("results.json", "reconstructions.png")):
        return
    if (folder / "checkpoints" / "last.ckpt").is_file():
        bimae(f"{words.split(maxsplit=1)[0]} --resume {folder}")
    else:
        bimae(f"{words} --out {folder} --overwrite")


def bimae(words: str) -> None:
    """Runs one `bimae` command of this environment, or ends with its exit code."""
    print(f"\n$ bimae {words}", flush=True)
    code = subprocess.run([sys.executable, "-m", "bimae", *shlex.split(words)], check=False)
    if code.returncode:
        sys.exit(code.returncode)


def baselines(data: Path) -> list[dict[str, Any]]:
    """The classical baselines on the same split, with and without balanced class weights."""
    samples = open_dataset(data)
    split = split_dataset(samples)
    return [
        {
            "what": result.name + (", balanced" if balanced else ""),
            "accuracy": result.accuracy,
            "macro_f1": result.macro_f1,
        }
        for balanced in (False, True)
        for result in classical_baselines(samples, split.train, split.test, balanced=balanced)
        if not (balanced and result.name == "majority")
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The comparison as a Markdown table."""
    lines = ["| | accuracy | macro-F1 |", "|---|---|---|"]
    lines += [f"| {r['what']} | {r['accuracy']:.3f} | {r['macro_f1']:.3f} |" for r in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
