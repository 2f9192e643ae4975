#!/bin/bash
# demo.sh: the incident that this tool is for, on a real cluster, in a minute or two.
#
# patronictl shows three healthy members and no lag, and yet every switchover
# fails: the candidate's REST address is a virtual address that the leader holds,
# so the leader asks itself. KEEP=1 leaves the cluster up at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

project=preflight-demo
tool=build/patroni-preflight
net=${LAB_NET:-10.77.0}
scope=${LAB_SCOPE:-demo}
vip=$net.100
check=("$tool" check -c docker/lab.yml --candidate node2)
compose=(docker-compose)
docker compose version >/dev/null 2>&1 && compose=(docker compose)
compose+=(-p "$project")
out=$(mktemp)

# docker/lab.yml has the defaults; these win over it.
export PATRONI_SCOPE=$scope PATRONI_ETCD3_HOSTS=$net.11:2379,$net.12:2379,$net.13:2379

steps=7 number=0 title='before the first step'

step() {
    number=$((number + 1)) title=$1
    printf '\n[%d/%d] %s\n' "$number" "$steps" "$title"
}

fail() {
    printf '\nFAILED at step %d, "%s": %s\n' "$number" "$title" "$*" >&2
    exit 1
}

# run shows a command line, then runs it; its output is shown and kept in $out, its
# exit code in $code.
run() {
    printf '\n$ %s\n' "${*@Q}" | sed -E "s/'([A-Za-z0-9_.:,\/=-]+)'/\1/g"
    code=0
    "$@" >"$out" 2>&1 </dev/null || code=$?
    sed 's/^/  /' "$out"
}

# expect is run for a command that has to exit with the given code.
expect() {
    local want=$1
    shift
    run "$@"
    [ "$want" = 0 ] || echo "  (exit code $code)"
    [ "$code" = "$want" ] || fail "exit code $code instead of $want"
}

says() { grep -q -- "$1" "$out" || fail "the output does not say \"$1\""; }

# wait_for_api_url waits until node2's member key holds the given address.
wait_for_api_url() {
    for _ in $(seq 30); do
        run_quietly etcd1 etcdctl get --print-value-only "/service/$scope/members/node2"
        grep -q "\"api_url\":\"http://$1:8008/" "$out" && return
        sleep 0.5
    done
    fail "node2 does not announce $1 in its member key"
}

run_quietly() { "${compose[@]}" exec -T "$@" >"$out" 2>&1 </dev/null || fail "$(cat "$out")"; }

finish() {
    local result=$?
    trap - EXIT
    if [ "${KEEP:-}" = 1 ] && [ "$result" = 0 ]; then
        cat <<TEXT

The cluster is still up. To try:
  $tool check -c docker/lab.yml --candidate node1    (node2 leads now)
  $tool check -c docker/lab.yml --candidate node1 --verbose
  $tool check -c docker/lab.yml
  ${compose[*]} exec node1 patronictl list
  ${compose[*]} exec node1 lab-set tags.nofailover true
  ${compose[*]} pause node1            (and unpause)
And to take it down:
  ${compose[*]} down -v
TEXT
    else
        printf '\nTaking the cluster down.\n'
        "${compose[@]}" down -v -t 3 >/dev/null 2>&1 || true
    fi
    rm -f "$out"
    exit "$result"
}

[ -x "$tool" ] || { echo "$tool is not there: run make build first" >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "Docker Engine does not answer: run make setup first" >&2; exit 1; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "A cluster of three etcd members and three Patroni nodes"
"${compose[@]}" down -v -t 3 >/dev/null 2>&1 || true # one that KEEP=1 left
printf '\n$ %s\n' "${compose[*]} up -d"
"${compose[@]}" up -d >"$out" 2>&1 || { cat "$out"; fail "the containers do not start"; }
run_quietly node1 lab-wait 120
expect 0 "${compose[@]}" exec -T node1 patronictl list
says 'node1.*Leader'

chmod 600 docker/lab.yml # it holds a password, and git keeps no such modes
step "Is a switchover to node2 safe? GO, exit code 0"
expect 0 "${check[@]}"
says '^GO'

step "The incident: the leader holds $vip, and node2 announces it as its REST address"
expect 0 "${compose[@]}" exec -T node1 ip address add "$vip/24" dev eth0
expect 0 "${compose[@]}" exec -T node2 lab-set restapi.connect_address "$vip:8008"
wait_for_api_url "$vip"
printf '\nThe member key of node2 in etcd is now:\n'
sed 's/^/  /' "$out"
printf '\nAll is well, says patronictl:\n'
expect 0 "${compose[@]}" exec -T node1 patronictl list
says 'node2.* 0 |'

step "What the tool says: NO-GO, exit code 2, node1 answers for node2"
expect 2 "${check[@]}"
says '^NO-GO'
awk -v RS= '/^BLOCKS +identity\./' "$out" >"$out.identity"
mv "$out.identity" "$out"
says identity. && says node1 && says node2

step "What the real switchover says: 503, with no reason, and exit code 0"
expect 0 "${compose[@]}" exec -T node1 patronictl switchover --force --candidate node2
echo "  (exit code $code)"
says 'Switchover failed, details: 503'

step "The remedy: node2 announces its own address"
expect 0 "${compose[@]}" exec -T node2 lab-set restapi.connect_address "$net.22:8008"
wait_for_api_url "$net.22"
run_quietly node1 lab-wait 60
expect 0 "${check[@]}"
says '^GO'

step "And the real switchover, now"
expect 0 "${compose[@]}" exec -T node1 patronictl switchover --force --candidate node2
says 'Successfully switched over to "node2"'
run_quietly node1 lab-wait 60
expect 0 "${compose[@]}" exec -T node1 patronictl list
says 'node2.*Leader'

printf '\nDone: all %d steps went as told.\n' "$steps"
