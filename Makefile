# Every target makes what it needs; `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
AND_ONE = $(shell expr $(WORKERS) + 1)
TOGETHER := --dist loadfile -n
SOURCES := chelu services edge simulators evaluation tests

# Most tests start processes, which would each compile every module anew where the environment forbids to keep that.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench up down lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: requirements/%.txt pyproject.toml hatch_build.py $(wildcard chelu/native/*.c chelu/native/*.py) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

console/dist/index.html: $(filter-out %.test.ts,$(shell find console -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print)) | $(BIN)/python
	console/run build
	@touch $@

demo: $(VENV)/.demo console/dist/index.html ## the whole road for 60 s: broker, database, services, traffic, summary and picture
	$(BIN)/chelu demo --seconds 60 --summary demo.json

test: check console/dist/index.html ## every test there is
	$(BIN)/python -m pytest $(TOGETHER) $(AND_ONE) tests/integration tests/e2e
	$(BIN)/python -m pytest tests/bench

check: $(VENV)/.dev ## format, lint, types, architecture, unit tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy --num-workers $(WORKERS)
	$(BIN)/lint-imports
	console/run check
	$(BIN)/python -m pytest -q $(TOGETHER) $(WORKERS) tests/unit

format: $(VENV)/.dev ## put the sources into shape
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(VENV)/.dev ## speed as ratios within one run
	$(BIN)/chelu bench

up: $(VENV)/.demo console/dist/index.html ## start a site on this machine and leave it running
	$(BIN)/chelu up

down: ## stop it
	$(BIN)/chelu down

lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml
	deploy/lock

clean: ## remove the environment and the caches
	rm -rf chelu/native/*.so $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks console/dist console/node_modules
