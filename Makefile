# The targets a developer and the CI need. `make` alone lists them.

PYTHON ?= python3
HOST ?= $(API_HOST)
PORT ?= 8000
DATA ?= var
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run test faults foods lint typecheck export-schema bench attack browser requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## create .venv with everything pinned (done by the other targets; quick when nothing changed)
	@sh ops/install.sh "$(PYTHON)" "$(VENV)"

run: install ## start the whole service on this machine: make run [HOST=0.0.0.0] [PORT=8000] [DATA=var]; Ctrl-C stops it
	@exec $(BIN)/python -m ops.local.environment --host "$(HOST)" --port "$(PORT)" --data "$(DATA)" --die-with-parent

test: install ## run all tests, fault injection included; ledger and projections must be covered entirely
	@$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --cov --cov-report=term-missing:skip-covered --cov-fail-under=100

faults: install ## inject faults into real replica sets under the event store: make faults [SECONDS=600] [SEED=n]
	@$(BIN)/python -m tests.faults --seconds "$(or $(SECONDS),600)" $(if $(SEED),--seed "$(SEED)")

foods: install ## print how well names of foods are matched: make foods [LIST=names.csv]
	@$(BIN)/python -m tests.foods $(LIST)

lint: install ## check style, format and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

typecheck: install ## check the types (mypy, strict)
	@$(BIN)/mypy

export-schema: install ## write api/schema_export.graphql; with CI set, fail if the committed one differs
	@$(BIN)/python -m api.export $(if $(CI),--check)

bench: install ## measure the event store beside its peers: make bench [ROUNDS=5] [QUICK=1]
	@$(BIN)/python -m ops.bench $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick)

attack: install ## measure how long others wait while a client attacks: make attack [SECONDS=5]
	@$(BIN)/python -m ops.bench.attack $(if $(SECONDS),--seconds $(SECONDS))

browser: install ## let a page of another origin read a day in headless Chromium, which must be installed
	@$(BIN)/python -m tests.browser

requirements: install ## pin the requirements again after a change of pyproject.toml (UPGRADE=--upgrade: to the newest)
	@sh ops/pin.sh "$(BIN)" $(UPGRADE)

clean: ## remove .venv, caches and build results; data in var/ stay
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
