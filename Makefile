# The two commands of the README, and what CI runs. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint types bench bench-gpu clean

# Done once; again only when what is installed would change.
setup: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bimae needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/bimae demo --overwrite

# A process a core, with a thread each: the tests' models are too small to share the cores otherwise.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# How fast this machine is, and how near that is to its limits: a table, and the same as JSON.
bench: setup
	$(BIN)/bimae bench --json runs/bench.json

# The same on a CUDA device, and the paper's recipe from the first command to the last file. The
# Python that is named must have a PyTorch that can use the device: make bench-gpu GPU_PYTHON=python3
GPU_PYTHON ?= $(BIN)/python
bench-gpu:
	@$(GPU_PYTHON) -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || \
	  { echo "$(GPU_PYTHON) has no PyTorch that finds a CUDA device; name another: make bench-gpu GPU_PYTHON=python3"; exit 2; }
	PYTHONPATH=src $(GPU_PYTHON) -m pytest -q tests/train/test_gpu.py
	PYTHONPATH=src $(GPU_PYTHON) -m bimae bench --device cuda --json runs/bench-gpu.json
	for size in tiny small base; do \
	  PYTHONPATH=src $(GPU_PYTHON) bench/recipe.py runs/recipe --model mae_vit_$${size}_patch24 || exit; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
