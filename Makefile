# `make` lists the targets. PYTHON chooses the interpreter that .venv is made with: make setup PYTHON=python3.12
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?=
ALONE := tests/sweeps/launchers tests/sweeps/test_kill.py tests/tracking/test_server.py tests/test_browser.py tests/test_distributed.py
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ALONE:%=--ignore=%)
BENCHMARKS := startup run_cost throughput phantom memory large_store prepare stored_views exam_table audit \
	sweep_dispatch local_launcher curves compare server_load evaluation prediction

.PHONY: help setup demo test test-all check bench ui clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with bcdl and everything that development needs

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: setup ## train four architectures in one sweep and compare them; DEMO="key=value ..." changes it
	$(BIN)/bcdl train -m experiments=demo/four_models $(DEMO)
	$(BIN)/bcdl compare

test: setup ## the quick tests: several processes at once, then those that start services or share cores
	$(SIDE_BY_SIDE)
	$(BIN)/pytest $(ALONE)

test-all: setup ## all tests, the slow ones too
	$(SIDE_BY_SIDE) -m ''
	$(BIN)/pytest -m '' $(ALONE)

check: setup ## lint, format, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## measure speed and memory against their targets; BENCHMARKS="name ..." chooses, BCDL_DATA holds the real data
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

ui: setup ## open the MLflow UI
	$(BIN)/bcdl ui

clean: ## remove caches and builds; .venv and the runs stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
