#!/usr/bin/env bash
# PostgreSQL 15 from Debian's packages, for where no registry of images is reached: postgres.sh IMAGE. It has what
# docker-compose.yml uses of the official image: its user and folders, POSTGRES_USER, _PASSWORD, _DB and _INITDB_ARGS, and
# /docker-entrypoint-initdb.d in an empty volume. Everywhere else the official image is taken.
set -euo pipefail
cd "$(dirname "$0")"
image="${1:?name the image to make}"
. ./engine.sh
archive="$(mktemp --suffix .tar)"
# Its user gets the official image's number before the packages would choose one
# shellcheck disable=SC2016 # the shell of mmdebstrap expands $1
mmdebstrap --quiet --variant=minbase --include=postgresql-15 \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --essential-hook='mkdir -p "$1/etc/postgresql-common"
        echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"
        echo "postgres:x:999:" >> "$1/etc/group"
        echo "postgres:x:999:999::/var/lib/postgresql:/bin/bash" >> "$1/etc/passwd"' \
    --customize-hook='install -d -o 999 -g 999 -m 700 "$1/var/lib/postgresql/data"' \
    bookworm "$archive" \
    'deb http://deb.debian.org/debian bookworm main' \
    'deb http://deb.debian.org/debian-security bookworm-security main'
container="$(buildah "${storage[@]}" from scratch)"
buildah "${storage[@]}" add --quiet "$container" "$archive" /
buildah "${storage[@]}" copy --quiet --chmod 755 "$container" postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
buildah "${storage[@]}" config --user 999:999 --volume /var/lib/postgresql/data --port 5432 \
    --env PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin --env PGDATA=/var/lib/postgresql/data \
    --entrypoint '["docker-entrypoint.sh"]' --cmd postgres "$container"
buildah "${storage[@]}" commit --quiet --format docker "$container" "$image"
buildah "${storage[@]}" rm "$container" > /dev/null
rm "$archive"
