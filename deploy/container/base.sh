#!/usr/bin/env bash
# A base image from Debian's packages alone, for where no registry of images is reached: Debian 12 with its Python 3.11.
# base.sh IMAGE; 226 MB, half a minute. Everywhere else the Dockerfile's own base is taken.
set -euo pipefail
cd "$(dirname "$0")"
image="${1:?name the image to make}"
. ./engine.sh
archive="$(mktemp --suffix .tar)"
mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3 \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm "$archive" \
    'deb http://deb.debian.org/debian bookworm main' \
    'deb http://deb.debian.org/debian-security bookworm-security main'
container="$(buildah "${storage[@]}" from scratch)"
buildah "${storage[@]}" add --quiet "$container" "$archive" /
buildah "${storage[@]}" commit --quiet "$container" "$image"
buildah "${storage[@]}" rm "$container" > /dev/null
rm "$archive"
