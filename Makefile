# The two commands are `make demo` and `make test`. Both set up what they need on the first call.

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo $$p; break; }; done)
BIN := $(VENV)/bin
SOURCES := recon_assets recon_assets_tests deploy

.PHONY: help demo test check setup setup-dev format lint types contracts sql domain tests ui stop lock image clean docs benchmark benchmark-publishing benchmark-queries benchmark-webserver scorecard audit secrets sbom dist

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 26

demo: setup  ## Reconcile the sample day of three processors, with the built-in sandbox and database
	@$(BIN)/recon demo

test: check  ## Everything that CI checks

# The short ones two at a time, then the long one alone: it takes both cores.
check: setup-dev
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types lint sql contracts domain
	@$(MAKE) --no-print-directory tests

ui: setup  ## The Dagster UI on http://127.0.0.1:3000, on the same database
	@$(BIN)/recon ui

stop: setup  ## Stop the embedded database if something left it running
	@$(BIN)/recon db stop

setup: $(VENV)/installed
setup-dev: $(VENV)/installed-dev

# uv reads the hashed lock; where it is missing, pip brings it into the environment. Bytecode is made once, here: where
# Python may not write any (PYTHONDONTWRITEBYTECODE), each command would compile 3,700 files again, for 3 seconds.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or call make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "This Python has no venv module (on Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }
	@command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv

UV = $$(command -v uv || echo $(BIN)/uv)

$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages ..."
	@VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet --no-deps --editable .
	@$(BIN)/python -m compileall -q recon_assets
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

format: setup-dev  ## Format and mend what ruff can
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

lint: setup-dev
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/shellcheck .ci/* sql/initdb.d/*.sh
	@$(BIN)/shellcheck --external-sources --source-path=deploy/container deploy/container/*.sh
	@$(BIN)/hadolint Dockerfile deploy/aws/Dockerfile
	@$(BIN)/cfn-lint deploy/aws/stacks/*.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml deploy/compose/docker-launcher.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor --offline --quiet .github

types: setup-dev
	@$(BIN)/mypy

contracts: setup-dev
	@$(BIN)/lint-imports --no-cache | tail -n 3

sql: setup-dev
	@$(BIN)/sqlfluff lint --disable-progress-bar sql
	@$(BIN)/sqlfluff lint --dialect duckdb --disable-progress-bar recon_assets
	@$(BIN)/squawk sql/migrations/*.sql sql/views/*.sql sql/queries/*.sql

# Its own tests cover the domain. Only they are traced: it costs every test a quarter more before Python 3.12.
domain: setup-dev
	@$(BIN)/python -m pytest recon_assets_tests/domain --cov --cov-report=term --cov-report=xml:test-artifacts/coverage.xml

# One more than CI has cores: some wait for a server, a browser or the end of a process.
WORKERS ?= 3
tests: setup-dev
	@$(BIN)/python -m pytest --ignore=recon_assets_tests/domain -n $(WORKERS) --dist loadgroup --durations=30 --durations-min=5

docs: setup-dev  ## The documents as a site in data/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

benchmark: setup-dev  ## One million rows a side through the whole line; prints seconds and memory
	@$(BIN)/python -m recon_assets_tests.benchmarks.whole_line

benchmark-publishing: setup-dev  ## 100,000 discrepancies beside the bare insert; prints server CPU a row
	@$(BIN)/python -m recon_assets_tests.benchmarks.publishing

benchmark-queries: setup-dev  ## Every query on 10 million discrepancies; prints p50 and p95, writes docs/plans.md
	@$(BIN)/python -m recon_assets_tests.benchmarks.queries --plans docs/plans.md

benchmark-webserver: setup-dev  ## The Dagster UI over three years of three processors, in Chromium; prints seconds
	@$(BIN)/python -m recon_assets_tests.benchmarks.webserver

scorecard: setup-dev  ## Precision, recall and cost beside other tools, at 10k to 1M; writes docs/scorecard.md
	@$(BIN)/python -m recon_assets_tests.scorecard --write docs/scorecard.md $(SCORECARD)

lock:  ## Resolve anew; commit all four files
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	@for extra in docker kubernetes; do \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra $$extra pyproject.toml -c requirements-dev.lock -o deploy/container/$$extra.lock; \
	done

# The next four are CI's too, each in a job of its own (docs/development.md).
audit: setup-dev  ## Known vulnerabilities of the locked packages; asks the internet
	@$(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner off -r requirements.lock

secrets: setup-dev  ## Passwords and keys in the files that nobody has reviewed
	@$(BIN)/python -m recon_assets_tests.workflows.secret_scan

RELEASE := data/dist
sbom: setup-dev  ## What is in it: the locked packages and their licences, as CycloneDX in data/dist
	@$(MAKE) --no-print-directory setup VENV=data/locked
	@mkdir -p $(RELEASE)
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file $(RELEASE)/recon-assets.cdx.json data/locked/bin/python

dist: setup-dev  ## The wheel and the source, in data/dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(UV) build --quiet --out-dir $(RELEASE) .

image:  ## Build the image, try it alone and by docker-compose.yml, without a Docker engine too (docs/containers.md)
	@PATH="$(abspath $(BIN)):$$PATH" deploy/container/build.sh

clean: stop  ## Remove the environment and every local answer
	@if [ -L data/postgres ]; then rm -rf "$$(dirname "$$(readlink data/postgres)")"; fi
	@rm -rf $(VENV) data local_reports
