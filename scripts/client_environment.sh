#!/usr/bin/env bash
# Makes a virtual environment for the clients of requirements/clients/NAME.lock (hash-checked) and prints the path of its Python.
# It lies in .venv/clients, apart from the project's own packages. Quick when all is there; several may call it at once.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=requirements/clients/$1.lock
bin=${ANYAPI_TEST_BIN:-.venv/bin}  # where the project's own uv and Python are
place=.venv/clients/$1-$(sha256sum "$lock" | cut -c1-16)
mkdir -p .venv/clients
exec 9>".venv/clients/$1.guard"
flock 9
if [ ! -e "$place/done" ]; then
    rm -rf ".venv/clients/$1-"*
    "$bin/uv" venv --quiet --no-project --python "$bin/python" "$place" >&2
    VIRTUAL_ENV=$PWD/$place "$bin/uv" pip install --quiet --compile-bytecode --require-hashes --only-binary :all: -r "$lock" >&2
    touch "$place/done"
fi
echo "$PWD/$place/bin/python"
