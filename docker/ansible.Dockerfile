# A machine that people and playbooks work from, beside the lab: Ansible, jq, and the lab's
# own patronictl.
ARG SUITE=trixie
FROM patroni-preflight-lab:${SUITE}

RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends ansible-core ansible-lint git jq; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
