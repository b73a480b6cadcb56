#!/usr/bin/env bash
# Installs what a lock file of the tests names, as it says, into a directory of its own under .venv/node (or under $1): the JavaScript SDKs of
# tests/clients/node, or the packages of the directory $2, without which $3 is skipped. Quiet and quick when they are there. Where npm cannot
# be had it says loudly what is skipped, and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."
home=${1:-.venv/node}
source=${2:-tests/clients/node}
place=$home/$(sha256sum "$source/package-lock.json" | cut -c1-16)
sdks="JavaScript clients (openai-node, Anthropic's TypeScript SDK, the Vercel AI SDK)"
skipped="SKIPPED: every test of ${3:-$sdks}"

[ ! -e "$place/done" ] || exit 0
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "tests: !!! node and npm are not installed: $skipped" >&2
    exit 0
fi
mkdir -p "$place"
exec 9>"$place/lock"
flock 9
[ ! -e "$place/done" ] || exit 0
cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$place/"
if (cd "$place" && timeout 300 npm ci --ignore-scripts --loglevel=error) >"$place/log" 2>&1; then
    touch "$place/done"
else
    tail -n 5 "$place/log" >&2
    echo "tests: !!! npm could not install the packages (no network?): $skipped" >&2
fi
