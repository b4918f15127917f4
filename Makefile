# Everything starts here, from nothing but Python 3.10 or newer: each target makes .venv and installs into it first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: run test lint bench reliability published clean

run: runs/seeds/eventroles.json  ## train the default model, tag the sample articles, show what came out
	$(BIN)/eventroles tag docs/sample --model runs/seeds --output runs/sample.jsonl --show 12

test: lint  ## ruff, mypy --strict, pytest
	$(BIN)/pytest -q

lint: $(READY) .typecheck/eventroles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: runs/seeds/eventroles.json runs/fast/eventroles.json  ## speed, cold start and memory, beside transformers.pipeline, in one run; writes docs/performance.md
	$(BIN)/python benchmarks/throughput.py runs/seeds --fast runs/fast --write

reliability: runs/fast/eventroles.json  ## bad inputs, kill -9, a million sentences, Ray; writes docs/reliability.md
	PYTHONPATH=tests:benchmarks $(BIN)/python -m reliability.run_all --model runs/fast --write

# Public data sets beside published figures; benchmarks/published/data.py says where to get the data.
DATA ?= benchmarks/published/data
published: published-satp published-cnc published-ipe published-ipe-documents  ## all four; writes docs/benchmarks.md
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/published/run.py --write

published-ipe published-ipe-documents: runs/seeds/eventroles.json
published-%: $(READY)  ## one of satp, cnc, ipe, ipe-documents
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/published/run.py $* --data $(DATA)

# Trained once: order-only, so that a newer environment does not train them again.
runs/seeds/eventroles.json: | $(READY)
	$(BIN)/eventroles train seeds

runs/fast/eventroles.json: | runs/seeds/eventroles.json
	$(BIN)/eventroles train fast

clean:
	rm -rf $(VENV) .typecheck build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

# mypy does not see which folder is which package, so it reads them through links under the import name.
.typecheck/eventroles: pyproject.toml $(wildcard app/*.py)
	rm -rf $@ && mkdir -p $@
	for package in labels configs seeds inference training; do ln -s ../../$$package $@/$$package; done
	for file in app/*.py app/py.typed app/commands; do ln -s ../../$$file $@/$$(basename $$file); done
