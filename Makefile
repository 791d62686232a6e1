# Everything that is done to this project. "make help" lists it.

PYTHON ?= $(shell for name in python3.11 python3; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SAMPLE := sample_data/bird_migration

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format typecheck docs lock clean

help: ## list the tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: $(INSTALLED) ## make .venv from the locked requirements; find or build InfluxDB
	@$(BIN)/python -m importer.server

# Both find or build InfluxDB themselves, when it turns out that they need it: not with INFLUX_URL set.
demo: $(INSTALLED) ## load the sample into a local InfluxDB, check it and show some of it
	$(BIN)/importer load $(SAMPLE).csv --mapping $(SAMPLE).toml --bucket bird-migration --sample 3

test: $(INSTALLED) lint typecheck ## check style and types, then run all tests, against a real InfluxDB
	$(BIN)/python -m pytest

lint: $(INSTALLED) ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED) ## put the code into its usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(INSTALLED) ## check types
	$(BIN)/mypy

docs: $(INSTALLED) ## write docs/commands.md from the command line
	$(BIN)/python docs/write_commands.py

# Without addresses of package indexes in the outcome: which one is used is each machine's own matter.
# setuptools builds the package itself, so that setting up needs nothing that is not locked.
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --output-file

lock: $(INSTALLED) ## write requirements.txt and requirements-dev.txt anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet uv
	$(LOCK) requirements.txt pyproject.toml
	echo 'setuptools>=80' | $(LOCK) requirements-dev.txt --constraint requirements.txt --extra dev pyproject.toml -

clean: ## remove what the tasks have made here; the built InfluxDB and its data stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and was not found:" \
		"install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
