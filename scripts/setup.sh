#!/bin/bash
# setup.sh [PROGRAM...]
#
# Makes sure that Docker Engine and Compose (and PROGRAMs, by their Debian package
# names) are there and that the engine answers. Root on Debian gets what is
# missing; everybody else is told in one line. Safe to run again and again.
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }
engine_answers() { timeout 10 docker info >/dev/null 2>&1; }
die() { echo "setup: $*" >&2; exit 1; }

missing=()
has docker || missing+=(docker.io)
{ docker compose version || docker-compose version; } >/dev/null 2>&1 || missing+=(docker-compose)
for program in "$@"; do
    has "$program" || missing+=("$program")
done

may_install() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && has apt-get; }

if ((${#missing[@]})); then
    may_install || die "missing: ${missing[*]} (Debian's package names); install them and try again"
    echo "setup: installing ${missing[*]}"
    log=$(mktemp)
    install_missing() {
        apt-get update
        # Debian 13 has the docker command in a package of its own.
        if ! has docker && apt-cache show docker-cli; then
            missing+=(docker-cli)
        fi
        DEBIAN_FRONTEND=noninteractive apt-get install -y "${missing[@]}"
    }
    if ! install_missing >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get could not install ${missing[*]} (all of its output: $log)"
    fi
    rm -f "$log"
fi

engine_answers && exit 0
[ "$(id -u)" = 0 ] || die "Docker Engine does not answer to you: start it, or join its group (docker info says why)"
has dockerd || die "Docker Engine does not answer, and it is not installed here (docker info says why)"

echo "setup: starting Docker Engine"
if [ -d /run/systemd/system ]; then
    systemctl start docker || true
elif [ -x /etc/init.d/docker ]; then
    service docker start >/dev/null 2>&1 || true
fi
for _ in 1 2 3 4 5; do
    engine_answers && exit 0
    sleep 1
done
if ! pgrep -x dockerd >/dev/null 2>&1; then
    setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
fi
for _ in $(seq 60); do
    engine_answers && exit 0
    sleep 1
done
die "Docker Engine does not answer a minute after its start (see /var/log/dockerd.log or its journal)"
