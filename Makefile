# Every task of this project is a target here. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/dev.txt layers/greenlight/requirements.txt
# Tests start hundreds of short processes; with this variable set, each would compile every package again.
unexport PYTHONDONTWRITEBYTECODE
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.ready ## create the environment (.venv); quick if nothing changed

$(VENV)/.ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "greenlight needs CPython 3.11 or newer as '$(PYTHON)'; name another with: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "'$(PYTHON)' has no venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "set-up 1/3  $(VENV) with $$($(PYTHON) --version)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@echo "set-up 2/3  packages of requirements/dev.txt"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --require-hashes requirements/dev.txt requirements/uv.txt
	@echo "set-up 3/3  the greenlight command"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: rehearse
rehearse: setup ## run the shipped scenarios: real hooks, real checks, simulated CodeDeploy
	@$(BIN)/greenlight rehearse

.PHONY: test
test: setup ministack lint ## check format, lint and types, and run all tests
	@$(BIN)/python -m pytest -n auto --dist worksteal -q

.PHONY: unit
unit: setup ## run the quick tests only
	@$(BIN)/python -m pytest -q tests/unit

.PHONY: gates
gates: setup ## run generated gates, of which none may succeed without green; GATES=10000 SEED=1
	@$(BIN)/python -m tests.generated_gates $(if $(GATES),--gates $(GATES)) $(if $(SEED),--seed $(SEED))

.PHONY: lint
lint: setup ## check format, lint, types and state machines; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/statelint machine/*.asl.json

.PHONY: fix
fix: setup ## format the code and fix what the linter can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: docs
docs: setup ## generate docs/validators.md, lint.md, doctor.md, plan.md and cli.md from the code
	@$(BIN)/greenlight validators --format markdown > docs/validators.md
	@$(BIN)/greenlight lint --explain all > docs/lint.md
	@$(BIN)/greenlight doctor --explain all > docs/doctor.md
	@$(BIN)/greenlight schema --format markdown > docs/plan.md
	@$(BIN)/python -m devkit.reference.cli_reference > docs/cli.md

.PHONY: goldens
goldens: setup ## write the golden report files again; review the difference
	@RENEW_GOLDENS=1 $(BIN)/python -m pytest -q tests/unit/report/test_goldens.py

.PHONY: lock
lock: setup ## compile the lock files from their .in files
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt layers/greenlight/requirements.in -o layers/greenlight/requirements.txt
	$(COMPILE) requirements/ministack.in -o requirements/ministack.txt
	$(COMPILE) -c requirements/dev.txt requirements/bench.in -o requirements/bench.txt

.PHONY: clean
clean: ## remove everything that make has created
	rm -rf $(VENV) .venv-* .aws-sam .rehearsal .bench build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# ---- The SAM application -----------------------------------------------------------------------------------------------

ENV ?= dev
SAM := SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/$(BIN):$$PATH" sam

.PHONY: build
build: setup ## build the functions and layers into .aws-sam
	@$(SAM) build

.PHONY: validate
validate: setup ## lint the template
	@$(SAM) validate --lint

.PHONY: deploy
deploy: build ## deploy with your AWS credentials; ENV=dev, staging or prod
	@$(SAM) deploy --config-env $(ENV)

# A local AWS that runs `sam deploy` and the functions. It pins another botocore, so it has an environment of its own.
.PHONY: ministack
ministack: .venv-ministack/.ready ## create the environment of the local AWS for the deployment test

.venv-ministack/.ready: requirements/ministack.txt | setup
	@echo "set-up      packages of requirements/ministack.txt in .venv-ministack"
	@test -x .venv-ministack/bin/python || $(PYTHON) -m venv .venv-ministack
	@VIRTUAL_ENV=$(CURDIR)/.venv-ministack $(BIN)/uv pip sync --quiet --require-hashes requirements/ministack.txt
	@touch $@

# ---- Benchmarks --------------------------------------------------------------------------------------------------------

# The tools that greenlight is compared with have an environment of their own: docs/benchmarks.md.
.PHONY: bench
bench: setup .venv-bench/.ready ## compare with other tools; QUICK=1 for a short run
	@$(BIN)/python -m tests.benchmarks $(if $(QUICK),--quick) $(foreach section,$(ONLY),--only $(section))

.venv-bench/.ready: requirements/bench.txt | setup
	@echo "set-up      packages of requirements/bench.txt in .venv-bench"
	@$(BIN)/python -m venv --clear .venv-bench
	@VIRTUAL_ENV=$(CURDIR)/.venv-bench $(BIN)/uv pip sync --quiet --require-hashes requirements/bench.txt
	@touch $@
