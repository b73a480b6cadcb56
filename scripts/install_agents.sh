#!/usr/bin/env bash
# Installs coding agents for the tests, from the lock files in tests/clients/agents, outside the clone: together they have 1.4 GB.
# `install_agents.sh npm|aider|llm` prints the directory; says loudly why, and exits with 3, where it cannot be had.
# They are kept in $ANYAPI_TEST_AGENTS, or else $XDG_CACHE_HOME/anyapi-agents, under the hash of the lock file. $UV is the uv to use.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?npm, aider or llm}
locks=tests/clients/agents
uv=${UV:-.venv/bin/uv}
lock=$locks/$kind.lock
[ "$kind" = npm ] && lock=$locks/package-lock.json
root=${ANYAPI_TEST_AGENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/anyapi-agents}
place=$root/$kind-$(sha256sum "$lock" | cut -c1-16)
log=$root/$kind.log

missing() {
    echo "tests: !!! $1: SKIPPED: the tests with $kind" >&2
    exit 3
}

# npm runs no scripts of packages: the programs are files of the packages for this platform.
install_npm() {
    command -v npm >/dev/null || missing "npm is not installed"
    cp "$locks/package.json" "$locks/package-lock.json" "$locks/.npmrc" "$place/"
    (cd "$place" && npm ci --ignore-scripts) >"$log" 2>&1 || missing "npm could not install the agents, see $log (no network?)"
}

# aider wants Python below 3.13; llm takes any that AnyAPI runs on.
install_python() {
    [ -x "$uv" ] || missing "$uv is missing (run make setup)"
    for version in 3.12 3.11 ${1:-}; do
        if "$uv" venv --quiet --clear --no-python-downloads --python "$version" "$place/venv" >"$log" 2>&1; then
            "$uv" pip install --quiet --require-hashes --python "$place/venv/bin/python" -r "$lock" >"$log" 2>&1 && return
            missing "uv could not install $kind, see $log (no network?)"
        fi
    done
    missing "there is no Python 3.11 or 3.12 here"
}

mkdir -p "$root"
exec 9>"$root/$kind.lock"
flock 9
if [ ! -e "$place/done" ]; then
    echo "tests: installing agents ($kind) into $place" >&2
    rm -rf "${place:?}"
    mkdir -p "$place"
    case $kind in
        npm) install_npm ;;
        aider) install_python ;;
        llm) install_python ">=3.11" ;;
    esac
    touch "$place/done"
fi
echo "$place"
