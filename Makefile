# Needs Python 3.11 or later and make; everything else is installed into .venv.
# PYTHON=… chooses the Python, ARGS=… adds arguments to `s3gw standalone` and to pytest,
# JOBS=… says how many tests run at a time, each with a Keystone and a Swift of its own.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Empty files: newer than pyproject.toml when what it asks for is installed.
INSTALLED_RUN := $(VENV)/installed-run
INSTALLED_DEV := $(VENV)/installed-dev
INSTALLED_BENCH := $(VENV)/installed-bench

# S3 clients of the tests whose libraries agree with nobody else's, each in a directory of its own.
CLIENTS := .clients
TARGET = $(PIP) --no-warn-conflicts --upgrade --target

.DEFAULT_GOAL := help
.PHONY: help install clients run test bench bench-memory lint format clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1 - /p' Makefile

install: $(INSTALLED_DEV) ## create .venv with s3gw and all that its development needs

clients: $(CLIENTS)/installed ## install the S3 clients that cannot share a Python with others

run: $(INSTALLED_RUN) ## start Keystone, Swift and the gateway; the data stay in data/
	@$(BIN)/s3gw standalone --data data $(ARGS)

test: lint ## check the code, then run all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

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

clean: ## remove .venv and caches, but not data/
	rm -rf $(VENV) $(CLIENTS) build dist *.egg-info .coverage* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find s3gw tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED_RUN): pyproject.toml | $(BIN)/python
	@echo "installing s3gw, Keystone and Swift into $(VENV) (about a minute)"
	@$(PIP) -e '.[standalone]'
	@touch $@

$(INSTALLED_DEV): pyproject.toml | $(BIN)/python
	@echo "installing s3gw and its development tools into $(VENV) (a minute or two)"
	@$(PIP) -e '.[standalone,dev]'
	@touch $(INSTALLED_RUN) $@

$(CLIENTS)/installed: Makefile tests/clients/scripts/package.json | $(INSTALLED_DEV)
	@echo "installing S3 clients into $(CLIENTS)"
	@mkdir -p $(CLIENTS)/node
	@$(TARGET) $(CLIENTS)/s3fs 's3fs>=2025.2'
	@$(TARGET) $(CLIENTS)/duplicity --no-deps 'duplicity>=3.0' fasteners
	@cp tests/clients/scripts/package.json $(CLIENTS)/node
	@cd $(CLIENTS)/node && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --silent
	@touch $@

$(INSTALLED_BENCH): pyproject.toml | $(INSTALLED_DEV)
	@$(PIP) -e '.[standalone,dev,bench]'
	@touch $(INSTALLED_RUN) $(INSTALLED_DEV) $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "s3gw needs Python 3.11 or later, and $(PYTHON) is not:" \
			"name another one, for example make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
