# Everything sets itself up: `make demo` and `make test` work on a fresh clone of a bare Debian machine with
# Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup tools demo test lint bench soak mutants clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

$(VENV)/.ready: pyproject.toml tools/setup.sh
	PYTHON=$(PYTHON) sh tools/setup.sh $(VENV)
	touch $@

setup: $(VENV)/.ready ## the Python environment in .venv

tools: tools/apt-packages.txt ## compilers, emulators and simulators from Debian
	sh tools/apt.sh tools/apt-packages.txt

demo: $(VENV)/.ready ## train a small CNN on real digits, compile it, evaluate it bit-exactly
	$(BIN)/python examples/demo.py build/demo

test: $(VENV)/.ready tools lint ## lint, then every test
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

lint: $(VENV)/.ready ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.ready tools ## measure everything; writes benchmarks/results/*.json
	@for b in benchmarks/*_bench.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

soak: $(VENV)/.ready tools ## the tests with many more random networks
	SNNCC_EXAMPLES=20 $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

mutants: $(VENV)/.ready tools ## faults put into the C, the RTL and the Python one by one; writes benchmarks/results/mutants.json
	$(BIN)/python -m tests.mutants

clean: ## remove what was built, not the environment
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
