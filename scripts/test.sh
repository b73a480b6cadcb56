#!/usr/bin/env bash
# Runs the tests in two passes: what may share the machine in parallel, then what must have it to itself.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m pytest tests -n 2 --dist loadfile "$@"
