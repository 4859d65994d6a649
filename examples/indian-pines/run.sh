#!/bin/sh
# Indian Pines with ordinary commands: a real scene, not seeds; a few minutes on two cores. Five deals
# of the ground and what pretraining is worth: studies/indian-pines.yaml.
#   sh examples/indian-pines/run.sh runs/indian-pines-example
set -eu
out=${1:-runs/indian-pines-example}
bimae data indian-pines "$out/data" --average 8 --overwrite
bimae finetune --data "$out/data" --out "$out/spectra" --modality hs --scale whitened \
  --band-positions wavelength --pool raw_mean --ema 0.99 --label-smoothing 0.1 \
  --class-weights sqrt --clip-gradients 1 --warmup 0.1 --epochs 8 --batch-size 32 \
  --learning-rate 5e-4 --overwrite
bimae baselines "$out/data" --methods "majority, linear-spectra, svm-spectra, lda-spectra, pls-spectra"
