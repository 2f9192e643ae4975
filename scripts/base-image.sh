#!/bin/bash
# base-image.sh SUITE
#
# Makes sure that the image debian:SUITE-slim is there: pulled, or, where no
# registry can be reached, made from Debian's packages.
set -euo pipefail
suite=${1:?usage: base-image.sh SUITE}
image=debian:$suite-slim
here=$(dirname "$0")

docker image inspect "$image" >/dev/null 2>&1 && exit 0
echo "$image: pulling"
timeout 60 docker pull -q "$image" >/dev/null 2>&1 && exit 0

echo "$image: no registry answers; making it from Debian's packages (about a minute)"
if ! "$here/setup.sh" mmdebstrap; then
    echo "$image can neither be pulled nor made: it takes a registry, or mmdebstrap" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A mirror may be a copy of another day: its Release file may be out of date.
if ! mmdebstrap --variant=minbase --include=ca-certificates \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    "$suite" "$work/root.tar" >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    echo "$image can not be made: mmdebstrap failed" >&2
    exit 1
fi
docker import "$work/root.tar" "$image" >/dev/null
