#!/bin/bash
# fuzz.sh TIME
#
# Runs every fuzz target of the repository for TIME, one after the other. An input
# that fails is kept in testdata/fuzz of its package: commit it with the fix, and
# every "go test" tries it again.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
for package in $(go list ./...); do
    for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
        found=$((found + 1))
        if ! output=$(go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -parallel 2 2>&1); then
            # Go also fails when the time is up while a worker still runs a slow seed:
            # that found nothing. "go test" runs every seed anyway.
            if grep -q 'Failing input written' <<<"$output" || ! grep -q 'context deadline exceeded' <<<"$output"; then
                echo "$output"
                exit 1
            fi
        fi
        printf '%-45s %s\n' "$package.$target" "$(grep -o 'execs: [0-9]*' <<<"$output" | tail -1 || true)"
    done
done
[ "$found" -gt 0 ] || { echo "fuzz: no targets found" >&2; exit 1; }
