# fairprune: `make demo` and `make test` set everything up by themselves. `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The first of these that runs, is 3.11 or newer, and can make virtual environments; or your own: make PYTHON=/path/to/python
FIT := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c '$(FIT)' 2>/dev/null; then echo $$python; break; fi; done)

# One thread for each worker of pytest: more only fight over the cores.
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

.PHONY: demo test slow lint format types layers clean help
.DEFAULT_GOAL := help

demo: $(VENV)/.package ## run a real study on digits, two or three minutes, and write its report
	$(BIN)/fairprune demo

test: $(VENV)/.dev ## run the tests, without the slow ones
	$(PYTEST)

slow: $(VENV)/.dev ## run the tests that take minutes
	$(PYTEST) -m slow || test $$? -eq 5  # 5: there are none

lint: $(VENV)/.dev ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## repair style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev ## check types, strictly
	$(BIN)/mypy

layers: $(VENV)/.dev ## check which module may import which
	$(BIN)/lint-imports

clean: ## remove the virtual environment, caches and builds; results stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "fairprune needs Python 3.11 or newer with venv; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c '$(FIT)' 2>/dev/null || { echo "PYTHON=$(PYTHON) is not Python 3.11 or newer with venv" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: constraints.txt | $(BIN)/pip
	@echo "Installing torch (the largest part: some minutes on a slow line)"
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@touch $@

$(VENV)/.package: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing fairprune"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing fairprune and what its tests and checks need"
	@$(PIP) --editable '.[test,dev]'
	@touch $@ $(VENV)/.package
