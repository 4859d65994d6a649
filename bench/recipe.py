"""The paper's pretraining recipe, end to end, as a user would start it: 5,000 seeds, 300 epochs.

Seeds are SIMULATED and written once; the clock runs for `bimae pretrain` as a whole, from the start
of its process to its end. Meant for a GPU (`make bench-gpu`); on two cores it takes hours.

    python bench/recipe.py runs/recipe --model mae_vit_tiny_patch24
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

CLASSES = 19


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the seeds and the run go")
    parser.add_argument("--model", default="mae_vit_tiny_patch24")
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", default="auto")
    given = parser.parse_args()

    data, out = given.folder / "simulated", given.folder / given.model
    if not (data / "dataset.json").is_file():
        per_class = -(-given.seeds // CLASSES)
        run("data", "simulate", data, f"--per-class={per_class}")
    # Every seed is learned from, as in the paper; `--ratios` of `data split` gives the rest to val.
    run("data", "split", data, "--by=random", "--ratios", "1", "0", "0", "--overwrite=true")
    start = time.perf_counter()
    run(
        "pretrain", f"--data={data}", f"--out={out}", "--overwrite=true", "--logger=none",
        f"--model={given.model}", f"--batch-size={given.batch_size}", f"--epochs={given.epochs}",
        f"--precision={given.precision}", f"--compile={given.compile}",
    )  # fmt: skip
    seconds = time.perf_counter() - start
    with (out / "metrics.csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    rates = [float(row["samples_per_second"]) for row in epochs]
    environment = json.loads((out / "environment.json").read_text())
    figures = {
        "device": environment["gpu"] or "cpu",
        "torch": environment["torch"],
        "precision": environment["precision"],
        "compile": given.compile,
        "model": given.model,
        "simulated": True,
        "seeds": environment["data"]["samples"],
        "epochs": given.epochs,
        "whole_command_s": round(seconds, 1),
        "first_epoch_s": float(epochs[0]["seconds"]),
        "all_epochs_s": round(sum(float(row["seconds"]) for row in epochs), 1),
        "samples_per_s_median_epoch": median(rates),
        "samples_per_s_whole_command": round(
            environment["data"]["samples"] * given.epochs / seconds, 1
        ),
    }
    print(json.dumps(figures, indent=1))


def run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "bimae", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
