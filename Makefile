# Needs Python 3.11 or later and make; everything else is installed into .venv.
# PYTHON=… chooses the Python, ARGS=… adds arguments to `s3gw standalone` and to pytest,
# JOBS=… says how many tests run at a time, each with a Keystone and a Swift of its own.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2
REQUESTS ?= 100000
EXAMPLES ?= 150
SEED ?= 1
FUZZ_SECONDS ?= 10

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Empty files: newer than pyproject.toml when what it asks for is installed.
INSTALLED_RUN := $(VENV)/installed-run
INSTALLED_DEV := $(VENV)/installed-dev
INSTALLED_BENCH := $(VENV)/installed-bench

# S3 clients of the tests, whose libraries need not agree with ours.
CLIENTS := .clients
CLIENT_PIP := $(BIN)/python -m pip --disable-pip-version-check --python $(CLIENTS)/bin/python install --quiet
INSTALLED_CLIENTS := $(CLIENTS)/installed $(if $(shell command -v npm),$(CLIENTS)/installed-node)

.DEFAULT_GOAL := help
.PHONY: help install clients run test faults fuzz fuzz-parsers model soak audit bench bench-memory lint format clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1 - /p' Makefile

install: $(INSTALLED_DEV) ## create .venv with s3gw and all that its development needs

clients: $(INSTALLED_CLIENTS) ## install S3 clients for the tests into .clients

run: $(INSTALLED_RUN) ## start Keystone, Swift and the gateway; the data stay in data/
	@$(BIN)/s3gw standalone --data data $(ARGS)

test: lint clients ## check the code, then run all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

faults: $(INSTALLED_DEV) ## let every operation meet every fault on each of its calls (6 minutes)
	@S3GW_TEST_FAULTS=all $(BIN)/python -m pytest -n $(JOBS) tests/functional/test_faults.py $(ARGS)

fuzz: $(INSTALLED_DEV) ## send random requests with valid signatures; REQUESTS=… says how many, SEED=… which
	@S3GW_TEST_FUZZ=$(REQUESTS) S3GW_TEST_SEED=$(SEED) \
		$(BIN)/python -m pytest -s tests/functional/test_fuzz.py $(ARGS)

fuzz-parsers: $(INSTALLED_DEV) ## let atheris look for bytes that a parser fails at; FUZZ_SECONDS=… for each
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) atheris
	@$(BIN)/python -m tests.fuzz.parsers 2>/dev/null | while read -r name; do \
		echo "$$name"; $(BIN)/python -m tests.fuzz.parsers "$$name" \
			-max_total_time=$(FUZZ_SECONDS) -verbosity=0 </dev/null || exit 1; \
	done

soak: $(INSTALLED_DEV) ## mixed traffic for 10 minutes while workers and Swift die; ARGS='--seconds 60' for less
	@$(BIN)/python -m tests.soak $(ARGS)

audit: $(INSTALLED_DEV) ## ask pip-audit about the installed packages
	@$(BIN)/python -c 'import pip_audit' 2>/dev/null || $(PIP) pip-audit
	@$(BIN)/python -m pip_audit --skip-editable $(ARGS)

model: $(INSTALLED_DEV) ## hold random sequences of requests against a model of S3; EXAMPLES=… says how many
	@S3GW_TEST_MODEL=$(EXAMPLES) $(BIN)/python -m pytest tests/functional/test_bucket_model.py $(ARGS)

bench: $(INSTALLED_BENCH) ## measure Swift's own API, s3gw, s3api and rclone side by side
	@$(BIN)/python benchmarks/bench.py $(ARGS)

bench-memory: $(INSTALLED_DEV) ## measure one worker's memory under objects of 1 GiB
	@$(BIN)/python benchmarks/memory.py $(ARGS)

lint: $(INSTALLED_DEV) ## check the code without running it
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED_DEV) ## bring the code into its form
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

clean: ## remove .venv, .clients and caches, but not data/
	rm -rf $(VENV) $(CLIENTS) build dist *.egg-info .coverage* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find s3gw tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED_RUN): pyproject.toml | $(BIN)/python
	@echo "installing s3gw, Keystone and Swift into $(VENV) (about a minute)"
	@$(PIP) -e '.[standalone]'
	@touch $@

$(INSTALLED_DEV): pyproject.toml | $(BIN)/python
	@echo "installing s3gw and its development tools into $(VENV) (a minute or two)"
	@$(PIP) -e '.[standalone,otel,dev]'
	@touch $(INSTALLED_RUN) $@

# A machine for which PyPI has no duplicity does without: its test is skipped, but not in CI.
$(CLIENTS)/installed: tests/clients/requirements.txt | $(INSTALLED_DEV)
	@echo "installing S3 clients into $(CLIENTS) (half a minute)"
	@$(BIN)/python -m venv --without-pip $(CLIENTS)
	@$(CLIENT_PIP) -r $<
	@$(CLIENT_PIP) --no-deps --only-binary duplicity 'duplicity>=3.1' || echo "without duplicity"
	@touch $@

$(CLIENTS)/installed-node: tests/clients/package-lock.json | $(CLIENTS)/installed
	@cp tests/clients/package.json $< $(CLIENTS)
	@cd $(CLIENTS) && npm ci --no-audit --no-fund --ignore-scripts --silent
	@touch $@

$(INSTALLED_BENCH): pyproject.toml | $(INSTALLED_DEV)
	@$(PIP) -e '.[standalone,otel,dev,bench]'
	@touch $(INSTALLED_RUN) $(INSTALLED_DEV) $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "s3gw needs Python 3.11 or later, and $(PYTHON) is not:" \
			"name another one, for example make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
