#!/usr/bin/env bash
# Runs the tests, two files at a time. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install_test_packages.sh
bash scripts/install_node_packages.sh
exec .venv/bin/python -m pytest tests -n 2 --dist loadfile "$@"
