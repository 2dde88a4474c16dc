# Everything runs from .venv, which the first target that needs it makes from pyproject.toml and constraints.txt.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

# Tests run in as many processes as there are cores; tests/side_by_side.py says which of them together.
WORKERS = $(shell getconf _NPROCESSORS_ONLN)
PYTEST = $(VENV)/bin/python -m pytest -n $(WORKERS)

# What `make search` looks for, and within which bounds.
SEARCH := --space small --data digits --max-params 4k --max-macs 400k --seed 0

.DEFAULT_GOAL := help
.PHONY: help setup search test test-fast check clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## install everything into .venv, at the versions of constraints.txt

# The stamp comes last, so that an interrupted setup is begun again.
$(READY): pyproject.toml constraints.txt
	@echo 'Setting up $(VENV): this takes some minutes.'
	rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

search: $(READY)  ## search a small network for handwritten digits, and export the winner
	$(VENV)/bin/nas search $(SEARCH)

test: $(READY)  ## all tests
	$(PYTEST)

test-fast: $(READY)  ## the tests that take seconds
	$(PYTEST) -m 'not slow'

check: $(READY)  ## lint, format, types, floors
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

clean:  ## remove .venv and all caches; runs stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
