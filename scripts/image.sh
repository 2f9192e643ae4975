#!/bin/bash
# image.sh [DIR]
#
# Builds the container image of the release in DIR (build/release by default), for
# the architecture of this machine, as IMAGE (patroni-preflight).
set -euo pipefail
dir=$(realpath "${1:-build/release}")
cd "$(dirname "$0")/.."
scripts/base-image.sh trixie
# What is not in the image need not go to the engine.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$dir"/*-linux-"$(go env GOHOSTARCH)".tar.gz "$context"
docker build -f docker/release.Dockerfile -t "${IMAGE:-patroni-preflight}" --build-arg "TARGETARCH=$(go env GOHOSTARCH)" "$context"
