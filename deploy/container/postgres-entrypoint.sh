#!/usr/bin/env bash
# The part of the official image's entrypoint that docker-compose.yml relies on, for the image of postgres.sh.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # shellcheck disable=SC2086 # several options in one variable
    initdb --username "${POSTGRES_USER:=postgres}" --pwfile <(printf '%s\n' "${POSTGRES_PASSWORD:?}") \
        --pgdata "$PGDATA" --encoding UTF8 ${POSTGRES_INITDB_ARGS:-}
    printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
    # while it is made it can be reached by its socket only
    pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -p 5432" --wait start
    export PGPASSWORD="$POSTGRES_PASSWORD"
    if [ "${POSTGRES_DB:=$POSTGRES_USER}" != postgres ]; then
        createdb --username "$POSTGRES_USER" "$POSTGRES_DB"
    fi
    for file in /docker-entrypoint-initdb.d/*.sh; do
        # shellcheck source=/dev/null
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
    done
    unset PGPASSWORD
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec "$@" -c listen_addresses='*'
