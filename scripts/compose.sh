#!/bin/sh
# Runs Docker Compose: the plugin, or the older docker-compose where that is all
# there is.
if docker compose version >/dev/null 2>&1; then
    exec docker compose "$@"
elif command -v docker-compose >/dev/null 2>&1; then
    exec docker-compose "$@"
fi
echo "Docker Compose is missing: install the compose plugin or docker-compose" >&2
exit 1
