# Everything sets itself up: `make demo` and `make test` work on a fresh clone of a bare Debian machine with
# Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup tools demo trial test lint docs notebooks bench soak mutants golden clean

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

trial: $(VENV)/.ready tools ## a newcomer's path: raw bytes through the exported C and RTL by their READMEs' lines
	$(BIN)/python examples/trial.py build/trial

test: $(VENV)/.ready tools lint trial ## lint, the trial, then every test
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

lint: $(VENV)/.ready ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.ready ## the documentation as a site in build/site, the API from the docstrings; broken links fail
	$(BIN)/python -m mkdocs build --strict

notebooks: $(VENV)/.ready ## the guides as notebooks in build/notebooks
	$(BIN)/python tools/notebooks.py build/notebooks docs/guide/*.md

bench: $(VENV)/.ready tools ## measure everything; writes benchmarks/results/*.json
	@for b in benchmarks/*_bench.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

soak: $(VENV)/.ready tools ## a hundred thousand hostile inputs, every kill, the tests with many more random networks
	$(BIN)/python -m tests.soak.fuzz --inputs 100000 --seed 1 --record benchmarks/results/soak.json
	SNNCC_EXAMPLES=20 $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

golden: $(VENV)/.ready ## refresh what is kept of our own output: help, what is supported, networks as text, C and Verilog
	SNNCC_REFRESH=1 $(BIN)/python -m pytest -n 0 tests/docs/test_help.py tests/docs/test_support.py tests/docs/test_figures.py tests/test_golden_text.py

mutants: $(VENV)/.ready tools ## faults put into the C, the RTL and the Python one by one; writes benchmarks/results/mutants.json
	$(BIN)/python -m tests.mutants

clean: ## remove what was built, not the environment
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
