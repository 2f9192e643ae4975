#!/bin/bash
# images.sh [SUITE...]
#
# Builds the lab's image for each suite (trixie by default). Docker's cache makes
# a second run quick.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- trixie

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for suite in "$@"; do
    image=patroni-preflight-lab:$suite
    scripts/base-image.sh "$suite"
    docker image inspect "$image" >/dev/null 2>&1 || echo "$image: building (a few minutes the first time)"
    if ! docker build -t "$image" --build-arg "SUITE=$suite" docker >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "$image can not be built" >&2
        exit 1
    fi
    echo "$image: ready"
done
