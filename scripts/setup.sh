#!/usr/bin/env bash
# Makes .venv with uv, the locked dependencies (hash-checked) and AnyAPI itself, editable. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    for name in ${ANYAPI_PYTHON:-} /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "AnyAPI needs Python 3.11 or newer with the venv module (Debian: apt-get install python3-venv)." >&2
    exit 1
}

no_packages() {
    echo "setup: the packages could not be fetched, for the reason above. Behind a proxy with a certificate authority of its own, name its file" >&2
    echo "setup: and try again: export SSL_CERT_FILE=/path/ca.pem PIP_CERT=/path/ca.pem NODE_EXTRA_CA_CERTS=/path/ca.pem" >&2
    exit 1
}

if [ ! -x .venv/bin/python ]; then
    echo "setup: making .venv with $(find_python)"
    "$(find_python)" -m venv .venv
fi
if [ ! -x .venv/bin/uv ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock || no_packages
fi
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip install --quiet --require-hashes -r requirements/dev.lock || no_packages
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
.venv/bin/python scripts/build_dashboard.py
echo "setup: ready"
