#!/usr/bin/env bash
# Runs every scenario on real clusters and writes docs/accuracy.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/images.sh bookworm trixie sid
PREFLIGHT_ACCURACY="$PWD/docs/accuracy.md" go test -tags e2e -count=1 -parallel 3 -timeout 60m -v -run TestAccuracy ./e2e/
