# Every target makes what it needs; `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := chelu services edge simulators evaluation tests

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench up down lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(VENV)/.%: requirements/%.txt pyproject.toml hatch_build.py $(wildcard chelu/native/*.c chelu/native/*.py)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.demo ## the whole road for 60 s: broker, database, services, traffic, summary and picture
	$(BIN)/chelu demo --seconds 60 --summary demo.json

test: check ## every test there is
	$(BIN)/python -m pytest tests/integration tests/e2e tests/bench

check: $(VENV)/.dev ## format, lint, types, architecture, unit tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit

format: $(VENV)/.dev ## put the sources into shape
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(VENV)/.dev ## speed as ratios within one run
	$(BIN)/chelu bench

up: $(VENV)/.demo ## start a site on this machine and leave it running
	$(BIN)/chelu up

down: ## stop it
	$(BIN)/chelu down

lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml
	deploy/lock

clean: ## remove the environment and the caches
	rm -rf chelu/native/*.so $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
