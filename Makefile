# Every task of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
unexport PYTHONDONTWRITEBYTECODE  # where it is set, each of the hundreds of processes that the tests start would compile every module again
.PHONY: help setup lock run test test-long test-clients check fmt bench explain clean

PY := .venv/bin/python
STAMP := .venv/.anyapi-setup
INPUTS := pyproject.toml requirements/dev.lock scripts/setup.sh scripts/build_hook.py scripts/build_catalogue.py src/anyapi/catalogue/providers.yaml src/anyapi/catalogue/models.yaml \
	scripts/build_dashboard.py $(filter-out %/schema.d.ts,$(wildcard dashboard/*.* dashboard/public/* dashboard/src/*.* dashboard/src/*/*.ts*))

# A clone that had no npm has no dashboard, and no input of it changed since: with npm it is built now.
ifeq ($(wildcard src/anyapi/dashboard/index.html),)
ifneq ($(shell command -v npm 2>/dev/null),)
.PHONY: $(STAMP)
endif
endif

help: ## list the tasks
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install all that a clone needs into .venv (bootstraps uv)

$(STAMP): $(INPUTS)
	@bash scripts/setup.sh
	touch "$@"

lock: setup ## resolve the dependencies again and write requirements/*.lock
	@bash scripts/lock.sh

run: setup ## simulated providers, a gateway and its dashboard: prints URLs, a key, a link and three curls
	@exec .venv/bin/anyapi demo

test: setup ## every test that fits in ten minutes
	@bash scripts/test.sh

test-long: setup ## the tests at full size (two hours or so)
	@.venv/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements/fuzz.lock || echo "tests: !!! no atheris: SKIPPED: coverage-guided fuzzing" >&2
	for kind in npm aider llm; do bash scripts/install_agents.sh $$kind >/dev/null || true; done  # says loudly what cannot be had
	ANYAPI_TEST_LONG=1 $(PY) -m pytest tests -p no:randomly

test-clients: setup ## client libraries in environments of their own, straight at a provider and through the gateway
	@bash scripts/test_clients.sh

check: setup ## format, lint, types, import rules, spelling
	@.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/codespell src docs bench scripts dashboard/src *.md

fmt: setup ## format and mend what can be mended
	@.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup ## AnyAPI and nginx against the same mock; writes bench/results.md (needs nginx and wrk, two quiet cores)
	@$(PY) bench/run.py

explain: setup ## what a policy leaves in the real catalogue: make explain MODEL=meta-llama/llama-3.3-70b-instruct CLASS=internal
	@.venv/bin/anyapi explain "$${MODEL:-meta-llama/llama-3.3-70b-instruct}" --data-class "$${CLASS:-internal}"

clean: ## remove what builds and tests left
	rm -rf .venv dist mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks .coverage* src/anyapi/catalogue/catalogue.json src/anyapi/dashboard dashboard/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
