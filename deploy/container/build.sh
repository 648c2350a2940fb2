#!/usr/bin/env bash
# Builds the image, prints what fills it, tries it alone and in docker-compose.yml: build.sh [IMAGE]. With a Docker engine
# on the official base image, else by buildah on a base made of Debian's packages (engine.sh says with which variables).
# CI runs it as a step of its own.
set -euo pipefail
cd "$(dirname "$0")"
image="${1:-localhost/recon:latest}"
. ./engine.sh
root="$(cd ../.. && pwd)"
arguments=(--target production --tag "$image"
    --build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")"
    --build-arg "REVISION=$(git -C "$root" rev-parse HEAD 2> /dev/null || echo unknown)")
if [ -n "${RECON_EXTRA:-}" ]; then # docker or kubernetes
    arguments+=(--build-arg "EXTRA=$RECON_EXTRA")
fi
if [ "$RECON_ENGINE" = podman ]; then
    export RECON_BUILD_DIR="$folder" # one store for all three
    base=localhost/debian:12-python
    engine image exists "$base" || ./base.sh "$base"
    arguments+=(--build-arg "BASE_IMAGE=$base")
fi
SECONDS=0
build "${arguments[@]}" "$root"
echo "== $image, built in $SECONDS s: its layers"
engine image inspect --format '{{.Size}} bytes' "$image"
engine history --format '{{.Size}}	{{.CreatedBy}}' "$image" | grep -v '^0 \?B' | cut -c1-110
echo "== its largest packages, in MB"
engine run --rm --network none "$image" sh -c 'du -sm /opt/venv/lib/python3*/site-packages/* | sort -rn | head -25' 2> /dev/null
./try.sh "$image"
./up.sh "$image"
