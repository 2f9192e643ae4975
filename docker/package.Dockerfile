# Where the packages are tried: a Debian with the shells whose completion is
# theirs, man, and rpm. e2e/package_test.go builds it, without a context.
FROM debian:trixie-slim

# Slim images have dpkg leave manual pages and documents out.
RUN set -eu; \
    rm -f /etc/dpkg/dpkg.cfg.d/*; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends bash-completion fish lintian man-db rpm zsh; \
    apt-get clean
CMD ["sleep", "infinity"]
