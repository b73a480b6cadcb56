#!/usr/bin/env bash
# Brings the source packages of the official Python SDKs, whose test suites are run against a gateway, and what runs them (hash-checked).
# Prints the path of the Python and the folder of the packages, each on a line. Both lie in .venv/clients, outside the repository's files.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(bash scripts/client_environment.sh suites)
place=$(dirname "$(dirname "$python")")/sdists
exec 9>.venv/clients/sdists.guard
flock 9
if [ ! -e "$place/done" ]; then
    mkdir -p "$place"
    # The lock has the hashes of the source packages too. What reads their metadata is in the environment already: nothing unlocked runs.
    awk '/^[a-z]/ { wanted = /^(anthropic|openai)(\[|==)/ } wanted' requirements/clients/suites.lock > "$place/sdists.lock"
    "$python" -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --no-binary :all: --no-build-isolation \
        --dest "$place" -r "$place/sdists.lock" >&2
    touch "$place/done"
fi
printf '%s\n' "$python" "$place"
