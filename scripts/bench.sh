#!/usr/bin/env bash
# Times whole processes on one healthy cluster, interleaved: patroni-preflight
# check and patronictl list, from the same container; then check with one and
# with two members that accept connections and never answer.
# ROUNDS=20 by default. Prints a table for docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-20}
export LAB_NET=${LAB_NET:-10.77.50} SUITE=${SUITE:-trixie}
compose() { scripts/compose.sh -p preflight-bench "$@"; }
scripts/images.sh "$SUITE"
trap 'compose down -v -t 1 >/dev/null 2>&1' EXIT
compose up -d >/dev/null 2>&1
compose exec -T node1 lab-wait 120
node=$(docker ps -q --filter label=com.docker.compose.project=preflight-bench --filter label=com.docker.compose.service=node1)
docker cp -q build/patroni-preflight "$node:/usr/local/bin/patroni-preflight" 2>/dev/null ||
    docker cp build/patroni-preflight "$node:/usr/local/bin/patroni-preflight" >/dev/null
docker exec "$node" sh -c "sed 's/username: postgres, password: postgres/username: preflight, password: preflight/' /etc/patroni/patroni.yml >/tmp/pf.yml && chmod 600 /tmp/pf.yml"

# One process each in turn, timed inside the container; milliseconds to stdout.
timed() { docker exec -i "$node" bash -s <<SH
for i in \$(seq $rounds); do
  for c in "patronictl -c /etc/patroni/patroni.yml list" "patroni-preflight check -c /tmp/pf.yml --candidate node2 -f brief"; do
    s=\$(date +%s%N); \$c >/dev/null 2>&1 || true; e=\$(date +%s%N)
    echo "\${c%% *} \$(( (e - s) / 1000 ))"
  done
done
SH
}
# alone LABEL: the tool by itself.
alone() { docker exec -i "$node" bash -s <<SH
for i in 1 2 3 4 5; do
  s=\$(date +%s%N); patroni-preflight check -c /tmp/pf.yml --candidate node2 -f brief >/dev/null 2>&1 || true; e=\$(date +%s%N)
  echo "$1 \$(( (e - s) / 1000 ))"
done
SH
}
frozen() { docker ps -q --filter label=com.docker.compose.project=preflight-bench --filter "label=com.docker.compose.service=$1"; }
{
    timed
    docker pause "$(frozen node2)" >/dev/null
    alone one-frozen
    docker pause "$(frozen node3)" >/dev/null
    alone two-frozen
    docker unpause "$(frozen node2)" "$(frozen node3)" >/dev/null
} | sort -k1,1 -k2,2n | awk '
    { n[$1]++; v[$1, n[$1]] = $2 / 1000 }
    function line(name, label) {
        printf "| %s | %d | %.0f | %.0f | %.0f |\n", label, n[name], v[name, 1], v[name, int((n[name] + 1) / 2)], v[name, n[name]]
    }
    END {
        print "| command | runs | fastest, ms | median, ms | slowest, ms |"
        print "|---|---|---|---|---|"
        line("patronictl", "patronictl list")
        line("patroni-preflight", "patroni-preflight check")
        line("one-frozen", "check, one member frozen")
        line("two-frozen", "check, two members frozen")
        a = v["patronictl", int((n["patronictl"] + 1) / 2)]; b = v["patroni-preflight", int((n["patroni-preflight"] + 1) / 2)]
        printf "\ncheck takes %.2f of patronictl list (medians)\n", b / a
    }'
