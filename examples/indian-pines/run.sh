#!/bin/sh
# Indian Pines with ordinary commands: a real scene, not seeds. About ten minutes on two cores.
#   sh examples/indian-pines/run.sh runs/indian-pines
set -eu
out=${1:-runs/indian-pines}
bimae data indian-pines "$out/data" --overwrite
bimae pretrain --data "$out/data" --out "$out/pretrain" --epochs 10 --batch-size 16 \
  --learning-rate 5e-4 --overwrite
bimae finetune --data "$out/data" --weights "$out/pretrain" --out "$out/both" --bands step_5 \
  --epochs 8 --batch-size 16 --overwrite
python - "$out/data" <<'PYTHON'
import sys

from bimae.data import open_dataset, split_dataset
from bimae.evaluate.baselines import classical_baselines

samples = open_dataset(sys.argv[1])
split = split_dataset(samples)
for result in classical_baselines(samples, split.train, split.test):
    print(f"{result.name:<28} accuracy {result.accuracy:.3f}  macro-F1 {result.macro_f1:.3f}")
PYTHON
