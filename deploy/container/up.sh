#!/usr/bin/env bash
# Does docker-compose.yml come up, and does it answer the sample day? up.sh IMAGE: every service without a profile, in
# containers, from passwords made here; then `app` as its user calls it, a run launched from the webserver, and all of it again after `down`.
# Where no Docker engine answers, by podman-compose, with PostgreSQL from Debian's packages (engine.sh, postgres.sh).
set -euo pipefail
cd "$(dirname "$0")"
image="${1:?name the image to try}"
. ./engine.sh
root="$(cd ../.. && pwd)"

project="recon-up-$$"
export RECON_IMAGE="$image" RECON_UI_PORT="${RECON_UI_PORT:-3300}"
for name in POSTGRES_PASSWORD DB_PASSWORD DAGSTER_DB_PASSWORD AUDITOR_DB_PASSWORD; do
    export "$name=$(head -c 18 /dev/urandom | base64 | tr "+/" "-_")"
done
case "$RECON_ENGINE" in
    docker) compose() { docker compose --file "$root/docker-compose.yml" --project-name "$project" "$@"; } ;;
    podman)
        command -v podman-compose > /dev/null || fail "there is no Docker engine and no podman-compose: pip install podman-compose"
        [ -n "${RECON_BUILD_DIR:-}" ] || temporary=yes
        export RECON_BUILD_DIR="$folder" POSTGRES_IMAGE=localhost/debian:12-postgres
        engine image exists "$POSTGRES_IMAGE" || ./postgres.sh "$POSTGRES_IMAGE"
        compose() {
            podman-compose --podman-args "${storage[*]}" --file "$root/docker-compose.yml" --project-name "$project" "$@"
        }
        ;;
esac
finish() {
    code=$?
    trap - EXIT
    [ "$code" = 0 ] || compose logs --tail 40 || true
    compose down --volumes > /dev/null 2>&1 || true
    [ -z "${temporary:-}" ] || remove_folder
    exit "$code"
}
trap finish EXIT

expect() { # WHAT PATTERN: in the standard input, which is shown
    local said
    said="$(cat)"
    printf '%s\n' "$said"
    grep -Eq "$2" <<< "$said" || fail "$1 is not as expected: no $2"
}
container() { engine ps --all --quiet --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1"; }
well() { # SERVICE: by the health check that the file gives it
    case "$RECON_ENGINE" in
        docker) [ "$(engine inspect --format '{{.State.Health.Status}}' "$(container "$1")")" = healthy ] ;;
        podman) engine healthcheck run "$(container "$1")" > /dev/null 2>&1 ;; # 4.x repeats it only under systemd
    esac
}
start() { # SERVICE: then wait until it is well; podman 4 does not know `condition: service_healthy`
    compose up --detach --no-deps "$1" > /dev/null 2>&1
    for _ in $(seq 90); do
        ! well "$1" || { echo "$1 is well after $SECONDS s"; return; }
        [ "$(engine inspect --format '{{.State.Running}}' "$(container "$1")")" = true ] || break
        sleep 2
    done
    fail "$1 does not get well"
}
app() { compose --profile tools run --rm --no-deps -T app "$@"; }
ask() { # GRAPHQL: of the webserver, by the port that is published
    curl --silent --show-error --fail --max-time 60 --header 'Content-Type: application/json' \
        --data "{\"query\": \"${1//$'\n'/}\"}" "http://127.0.0.1:$RECON_UI_PORT/graphql"
}
up() { for service in db code webserver daemon; do start "$service"; done; }

echo "== up, in the order that the file asks for"
SECONDS=0
up
echo "== the sample day, by app"
app recon run --processors stripe --date 2025-09-30 | expect "the day" ' 30 +25 +25 +5 +19.95 USD'
echo "== another day, launched from the webserver, queued by the daemon and run in the code location"
ask 'mutation { launchPipelineExecution(executionParams: {mode: \"default\", selector: {repositoryLocationName:
    \"recon_assets\", repositoryName: \"__repository__\", pipelineName: \"reconcile_square\"}, executionMetadata: {tags:
    [{key: \"dagster/partition\", value: \"2025-09-30\"}]}}) { __typename } }' | expect "the launch" LaunchRunSuccess
for _ in $(seq 60); do
    status="$(ask '{ runsOrError { ... on Runs { results { jobName status } } } }')"
    ! grep -Eq '"reconcile_square","status":"(SUCCESS|FAILURE)"' <<< "$status" || break
    sleep 2
done
expect "the run" '"reconcile_square","status":"SUCCESS"' <<< "$status"
echo "== nothing else is published"
for service in db code daemon; do
    published="$(engine port "$(container "$service")")"
    [ -z "$published" ] || fail "$service is reached from outside: $published"
done
engine port "$(container webserver)" | expect "the webserver's port" "^3000/tcp -> 127.0.0.1:$RECON_UI_PORT\$"
echo "== down and up: the record is on its volume"
compose down > /dev/null 2>&1
start db
app recon sql --format csv 'SELECT processor_name, status FROM reconciliation_runs ORDER BY 1' | expect "the record" 'stripe,completed'
app recon doctor | expect "the doctor" database
echo "== the whole record, verified by the login that may only read"
app recon audit verify | expect "the verification" 'Verified as recon_auditor'
echo "docker-compose.yml does what it should"
