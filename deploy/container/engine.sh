# shellcheck shell=bash
# Which program builds and runs containers, for the scripts of this folder, which source it.
#
#   RECON_ENGINE      docker, or podman (built by buildah, run by podman with runc); by itself docker where one answers
#   RECON_BUILD_DIR   where podman keeps images, containers and its sockets; a temporary folder that is removed at the end
#
# Afterwards: `build` takes the arguments of `docker build`, `engine` those of `docker`.

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

if [ -z "${RECON_ENGINE:-}" ]; then
    if docker info > /dev/null 2>&1; then RECON_ENGINE=docker; else RECON_ENGINE=podman; fi
fi

remove_folder() {
    podman "${storage[@]}" rm --all --force > /dev/null 2>&1 || true
    podman "${storage[@]}" unshare true 2> /dev/null || true
    umount "$folder/store/overlay" 2> /dev/null || true
    rm -rf "$folder"
}

case "$RECON_ENGINE" in
    docker)
        build() { DOCKER_BUILDKIT=1 docker build "$@"; }
        engine() { docker "$@"; }
        ;;
    podman)
        for tool in buildah podman runc mmdebstrap; do
            command -v "$tool" > /dev/null || fail "there is no Docker engine and no $tool: as root on Debian,
  apt-get install --no-install-recommends buildah podman runc mmdebstrap netavark aardvark-dns iptables"
        done
        [ "$(id -u)" = 0 ] || fail "without a Docker engine it needs root: buildah's chroot isolation does"
        if [ -n "${RECON_BUILD_DIR:-}" ]; then
            folder="$(mkdir -p "$RECON_BUILD_DIR" && cd "$RECON_BUILD_DIR" && pwd)"
        else
            folder="$(mktemp -d)"
            trap remove_folder EXIT
        fi
        mkdir -p "$folder/run"
        export XDG_RUNTIME_DIR="$folder/run" CONTAINERS_CONF="$folder/containers.conf"
        # runc and cgroupfs: they need no systemd. The limits: root of a sandbox may not raise its own.
        cat > "$CONTAINERS_CONF" << EOF
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
[engine.runtimes]
runc = ["$(command -v runc)"]
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
EOF
        storage=(--root "$folder/store" --runroot "$folder/run/containers"
            --storage-driver "${RECON_STORAGE_DRIVER:-overlay}")
        # RUN steps use the network of this machine; where its certificates are its own, they need that file
        certificates=/etc/ssl/certs/ca-certificates.crt
        volume=()
        [ ! -e "$certificates" ] || volume=(--volume "$certificates:$certificates:ro")
        build() {
            buildah "${storage[@]}" bud --isolation chroot --format docker --layers "${volume[@]}" "$@"
        }
        engine() { podman "${storage[@]}" "$@"; }
        ;;
    *) fail "RECON_ENGINE is docker or podman, not $RECON_ENGINE" ;;
esac
