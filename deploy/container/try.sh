#!/usr/bin/env bash
# Does an image do what docs/containers.md says? try.sh IMAGE: the sample day inside it, as a user without rights, on a
# root that is read-only, with the embedded database and no network; then the default service, its health and its end.
set -euo pipefail
cd "$(dirname "$0")"
image="${1:?name the image to try}"
. ./engine.sh

id="recon-try-$$"
# podman tells of health checks that only systemd would repeat
run() { engine run "$@" 2> >(grep -v 'unable to get systemd connection' >&2); }
hardened=(--read-only --tmpfs /tmp:size=256m --cap-drop ALL --security-opt no-new-privileges --network none
    --volume "$id:/var/lib/recon")
try() { run --rm "${hardened[@]}" "$image" "$@"; }
expect() { # WHAT PATTERN: in the standard input, which is shown
    local said
    said="$(cat)"
    printf '%s\n' "$said"
    grep -Eq "$2" <<< "$said" || fail "$1 is not as expected: no $2"
}
finish() {
    engine rm --force "$id" > /dev/null 2>&1 || true
    engine volume rm --force "$id" > /dev/null 2>&1 || true
}
trap finish EXIT
engine volume create "$id" > /dev/null

echo "== who, with which rights, on which root"
try sh -c 'id; grep -E "NoNewPrivs|CapEff" /proc/self/status; touch /there 2>&1 || true' | expect "the user" 'uid=10001'
# shellcheck disable=SC2016 # the shell inside expands it
try sh -c 'for tool in pip pip3 gcc cc make; do command -v $tool && exit 1; done; python -c "import pip" 2> /dev/null && exit 1
    touch /there 2> /dev/null && exit 1; echo "no compiler, no pip, nothing can be written"' \
    | expect "the image" 'nothing can be written'

echo "== the sample day"
time try recon run --processors stripe --date 2025-09-30 | expect "the day" ' 30 +25 +25 +5 +19.95 USD'
echo "== its evidence, performed again"
try recon verify stripe 2025-09-30 | expect "the evidence" 'stripe 2025-09-30'
echo "== the record"
try recon sql --format csv 'SELECT status, count(*) FROM reconciliation_runs GROUP BY status' | expect "the record" 'completed,1'

echo "== the default service"
run --detach --name "$id" "${hardened[@]}" "$image" > /dev/null
for _ in $(seq 60); do
    engine exec "$id" python /app/health.py webserver > /dev/null 2>&1 && break
    [ "$(engine inspect --format '{{.State.Running}}' "$id")" = true ] || { engine logs "$id"; fail "the webserver ended"; }
    sleep 2
done
engine exec "$id" python /app/health.py webserver || fail "the webserver is not well"
SECONDS=0
engine stop --time 30 "$id" > /dev/null
code="$(engine inspect --format '{{.State.ExitCode}}' "$id")"
[ "$code" != 137 ] || fail "the webserver did not end on SIGTERM within 30 s"
echo "well, and ended $SECONDS s after SIGTERM with $code"
echo "$image does what it should"
