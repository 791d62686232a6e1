# Everything that is done to this project. "make help" lists it.

PYTHON ?= $(shell for name in python3.11 python3; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SAMPLE := sample_data/bird_migration

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench lint format typecheck docs lock audit clean

help: ## list the tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: $(INSTALLED) ## make .venv from the locked requirements; find or build InfluxDB
	@$(BIN)/python -m importer.server

# Both find or build InfluxDB themselves, when it turns out that they need it: not with INFLUX_URL set.
demo: $(INSTALLED) ## load the sample into a local InfluxDB, check it and show some of it
	$(BIN)/importer load $(SAMPLE).csv --mapping $(SAMPLE).toml --bucket bird-migration --sample 3

test: $(INSTALLED) lint typecheck ## check style and types, then run all tests, against a real InfluxDB
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal -rs

# Nothing else should run meanwhile. ARGS="--rows 100000 --runs 1" is quick; benchmarks/README.md has all options.
bench: $(INSTALLED) ## measure the importer beside other ways of loading; some 25 minutes
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(INSTALLED) ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED) ## put the code into its usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(INSTALLED) ## check types
	$(BIN)/mypy

docs: $(INSTALLED) ## run the examples; write docs/commands.md from the command line, docs/reliability.md from the tests
	$(BIN)/python docs/run_examples.py
	$(BIN)/python docs/write_commands.py
	$(BIN)/python docs/write_reliability.py

# Without addresses of package indexes in the outcome: which one is used is each machine's own matter.
# setuptools builds the package itself, so that setting up needs nothing that is not locked.
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --output-file

lock: $(INSTALLED) ## write all requirements*.txt but the build's anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet uv
	echo 'setuptools>=80' | $(LOCK) requirements-dev.txt --extra dev pyproject.toml -
	$(LOCK) requirements.txt --constraint requirements-dev.txt --extra service pyproject.toml
	echo 'pip-audit>=2.10' | $(LOCK) requirements-audit.txt -

# In an environment of its own, so that what it is made of is no part of what it looks at. It needs the network, and
# so is no part of "test". That nothing is known must not look like nothing to fear: without --strict, a feed that
# answers nothing would do so.
AUDIT := $(VENV)/audit
audit: $(INSTALLED) ## ask the public feed of advisories about all locked requirements
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@for file in requirements-dev.txt requirements-build.txt requirements-audit.txt; do \
		rm -f $(AUDIT)/found.json; \
		$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --format json \
			--output $(AUDIT)/found.json -r $$file && continue; \
		if [ -s $(AUDIT)/found.json ]; then cat $(AUDIT)/found.json; why="there are known vulnerabilities, listed above"; \
		else why="the feed of advisories could not be asked, so nothing is known of any requirement"; fi; \
		echo "audit of $$file FAILED: $$why" >&2; exit 1; \
	done
	@echo "audit: no known vulnerability in what is locked"

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
