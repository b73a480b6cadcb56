#!/usr/bin/env bash
# Makes the environments of the clients, saying loudly which cannot be had, and runs their tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
for lock in requirements/clients/*.lock; do
    name=$(basename "$lock" .lock)
    scripts/client_environment.sh "$name" >/dev/null ||
        echo "test-clients: !!! the clients of $lock cannot be installed (no network?): SKIPPED: $(tr '\n' ' ' <"${lock%.lock}.in")" >&2
done
export ANYAPI_TEST_CLIENTS=1
exec .venv/bin/python -m pytest tests/clients -n 2 --dist loadfile "$@"
