#!/usr/bin/env bash
# Runs the tests, four files at a time, since many tests mostly wait; in the order of tests/conftest.py. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install_test_packages.sh
bash scripts/install_node_packages.sh
bash scripts/install_helm.sh >/dev/null || true  # says loudly what is skipped
exec .venv/bin/python -m pytest tests -n 4 --dist loadfile --no-loadscope-reorder "$@"
