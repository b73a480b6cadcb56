#!/usr/bin/env bash
# Installs the Debian packages that some tests need, if they are missing and if we may. Otherwise says which tests will be skipped.
# Quiet and quick when all is there. `install_test_packages.sh bench` adds what only `make bench` needs.
set -euo pipefail

# package | a file that it brings | what is skipped without it
wanted=(
    "nginx-light|/usr/sbin/nginx|hostile requests behind nginx"
    "libnginx-mod-http-lua|/usr/lib/nginx/modules/ngx_http_lua_module.so|tests that use nginx as a scripted provider"
    "haproxy|/usr/sbin/haproxy|hostile requests behind haproxy"
    "slowhttptest|/usr/bin/slowhttptest|slow clients (slowhttptest)"
    "chromium|/usr/bin/chromium|the dashboard in a browser"
    "postgresql|/usr/lib/postgresql/*/bin/postgres|everything on PostgreSQL"
    "strace|/usr/bin/strace|the proof that nothing else is executed or connected to"
)
if [ "${1:-}" = bench ]; then
    wanted+=("wrk|/usr/bin/wrk|make bench")
fi

missing=()
for row in "${wanted[@]}"; do
    IFS='|' read -r package file _ <<<"$row"
    compgen -G "$file" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "tests: installing ${missing[*]}"
    log=$(mktemp)
    # Services must not start: the tests start their own, on ports of their own.
    guard=/usr/sbin/policy-rc.d
    guarded=no
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
        guarded=yes
    fi
    install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
    install || { apt-get update -qq >"$log" 2>&1 && install; } || tail -n 5 "$log" >&2
    [ "$guarded" = no ] || rm -f "$guard"
    rm -f "$log"
fi

for row in "${wanted[@]}"; do
    IFS='|' read -r package file skipped <<<"$row"
    compgen -G "$file" >/dev/null || echo "tests: !!! $package is not installed (apt-get install $package, as root): SKIPPED: $skipped" >&2
done
