#!/usr/bin/env bash
# Runs the tests, four files at a time, since many tests mostly wait; in the order of tests/conftest.py. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
# A new clone: pytest rewrites 600 files before it runs them. Once, while packages are fetched, and not in each of the four at the same time.
compgen -G 'tests/unit/__pycache__/*-pytest-*.pyc' >/dev/null || .venv/bin/python -m pytest tests --collect-only -qq >/dev/null 2>&1 & collecting=$!
bash scripts/install_test_packages.sh
bash scripts/install_node_packages.sh
bash scripts/install_helm.sh >/dev/null || true  # says loudly what is skipped
wait "$collecting" || true  # what is wrong is said below
exec .venv/bin/python -m pytest tests -n 4 --dist loadfile --no-loadscope-reorder "$@"
