#!/usr/bin/env bash
# For the official PostgreSQL image (15 or newer): mounted into /docker-entrypoint-initdb.d it makes the database of the
# record, Dagster's database and the logins, so that no service needs the superuser. The steps, their transactions and
# checksums are those of recon_assets/store/migrations.py, which then finds nothing to do.
#
#   POSTGRES_USER, POSTGRES_DB       the image's own: the superuser, and the database that becomes the record
#   RECON_APP_PASSWORD               required; of the login RECON_APP_USER (recon), which may use the record
#   RECON_DAGSTER_PASSWORD           required; of the login RECON_DAGSTER_USER (recon_dagster), which owns ...
#   RECON_DAGSTER_DB                 ... this database (dagster)
#   RECON_AUDITOR_PASSWORD           optional; of the login RECON_AUDITOR_USER (recon_audit), which may only read, everything
#   RECON_SQL_DIR                    where the folder sql of the release is mounted (/recon-sql)
#
# A password may also come from a file: RECON_APP_PASSWORD_FILE, RECON_DAGSTER_PASSWORD_FILE, RECON_AUDITOR_PASSWORD_FILE.
# May be run again at any time: it applies what is missing and sets the passwords to those of the environment.

# A subshell, since the image sources a script without the executable bit: nothing here may leak into it.
recon_initdb() (
    set -euo pipefail
    export LC_ALL=C PGCLIENTENCODING=UTF8
    # the server of the initialisation listens on its socket only, whatever the image's clients are told
    unset PGHOSTADDR
    case "${PGHOST:-}" in /*) ;; *) unset PGHOST ;; esac
    # the limits of every session of the program
    export PGOPTIONS="-c statement_timeout=600s -c lock_timeout=60s -c idle_in_transaction_session_timeout=300s \
-c timezone=UTC -c client_min_messages=warning"

    doing='nothing was done'
    # shellcheck disable=SC2329 # called by the trap
    finish() {
        local status=$?
        [ "$status" -eq 0 ] || printf '%s\n' \
            "recon: the database is not ready: $doing. PostgreSQL runs this folder only once: correct the cause, then" \
            '  run it again in the container (bash /docker-entrypoint-initdb.d/10_recon.sh), or remove the volume.' >&2
    }
    trap finish EXIT

    fail() {
        printf 'recon: %s\n' "$1" >&2
        exit 1
    }

    secret() { # NAME: its value, or that of the file that NAME_FILE names
        local file="${1}_FILE" value="${!1:-}"
        if [ -n "${!file:-}" ]; then
            [ -z "$value" ] || fail "$1 and $file are both set: unset one of them"
            [ -r "${!file}" ] || fail "$file names a file that $(id -un) can't read: ${!file}"
            value="$(< "${!file}")"
        fi
        [ -n "$value" ] || fail "$1 is not set: give the login a password of its own, by $1 or $file"
        [ "$value" != "${POSTGRES_PASSWORD:-}" ] || fail "$1 is the superuser's password: give the login one of its own"
        [[ "$value" != *$'\n'* ]] || fail "$1 has more than one line: a password is one"
        printf '%s' "$value"
    }

    check_login() { # VARIABLE LOGIN
        local is_superuser
        [[ "$2" =~ ^[a-z_][a-z0-9_]{0,62}$ ]] || fail "$1 is not a name for a login: use a-z, 0-9 and _"
        case "$2" in
            recon_owner | recon_audit_owner | recon_app | recon_reader | recon_auditor | recon_sealer)
                fail "$1 is a group of the record, not a login: choose another name"
                ;;
        esac
        is_superuser="$(query -v login="$2" <<< "SELECT rolsuper FROM pg_roles WHERE rolname = :'login'")"
        [ "$is_superuser" != t ] || fail "$1 is a superuser: services must never be that, choose another name"
    }

    run_sql() {
        psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 -U "$superuser" -d "$database" "$@"
    }

    query() {
        run_sql --no-align --tuples-only --field-separator ' ' "$@"
    }

    applied_steps() { # version and checksum of each
        query << 'SQL'
SELECT to_regclass('schema_migrations') IS NOT NULL AS is_there \gset
\if :is_there
SELECT version, sha256 FROM schema_migrations ORDER BY version;
\endif
SQL
    }

    step_text() { # VERSION FILE...: byte for byte what the program applies, since its checksum is recorded
        local version="$1" file
        shift
        if [ "$version" -gt 0 ]; then
            cat "$1"
        else
            printf 'SET LOCAL ROLE recon_owner;'
            for file; do
                printf '\n'
                cat "$file"
            done
        fi
    }

    checksum() {
        local sum
        sum="$(sha256sum)"
        printf '%s' "${sum%% *}"
    }

    apply() { # VERSION NAME FILE...: in one transaction, under the lock that every migrator takes
        local version="$1" name="$2" sha256 found recorded
        shift 2
        sha256="$(step_text "$version" "$@" | checksum)"
        while read -r found recorded; do
            [ "$found" = "$version" ] || continue
            [ "$recorded" != "$sha256" ] || return 0
            [ "$version" -eq 0 ] || fail "$name was changed after it was applied: restore it, write a new migration"
        done <<< "$applied"
        doing="$name was not applied"
        {
            cat << 'SQL'
BEGIN;
SELECT pg_advisory_xact_lock(7311465201);
CREATE TABLE IF NOT EXISTS schema_migrations (
        version integer PRIMARY KEY CHECK (version >= 0),
        name text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
SELECT NOT EXISTS (
    SELECT FROM schema_migrations WHERE version = :version AND (version > 0 OR sha256 = :'sha256')
) AS is_due \gset
\if :is_due
SQL
            step_text "$version" "$@"
            cat << 'SQL'

;
INSERT INTO schema_migrations (version, name, sha256) VALUES (:version, :'name', :'sha256')
ON CONFLICT (version) DO UPDATE SET sha256 = excluded.sha256, applied_at = clock_timestamp();
\endif
COMMIT;
SQL
        } | run_sql -o /dev/null -v version="$version" -v name="$name" -v sha256="$sha256"
    }

    migrate() {
        local file name number applied found recorded version=0
        for file in "$sql_dir"/migrations/*.sql; do
            version=$((version + 1))
            name="${file##*/}"
            number="$(printf '%04d' "$version")"
            [[ "$name" =~ ^[0-9]{4}_[a-z0-9_]+\.sql$ && "${name%%_*}" = "$number" ]] \
                || fail "migration $number is missing or misnamed: $file"
        done
        applied="$(applied_steps)"
        while read -r found recorded; do
            [ "${found:-0}" -le "$version" ] \
                || fail "the database is newer than this release: migration $found is unknown here"
        done <<< "$applied"
        version=0
        for file in "$sql_dir"/migrations/*.sql; do
            version=$((version + 1))
            apply "$version" "${file##*/}" "$file"
        done
        applied="$(applied_steps)" # a migration may have dropped views, and their entry with them
        apply 0 views "$sql_dir"/views/*.sql
    }

    make_login() { # LOGIN PASSWORD
        # not on a command line, which others may read; not in the server's log, nor in psql's excerpt of an error
        LOGIN_PASSWORD="$2" run_sql -v login="$1" << 'SQL'
\set VERBOSITY terse
\getenv password LOGIN_PASSWORD
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET log_duration = off;
SET password_encryption = 'scram-sha-256';
BEGIN;
SELECT pg_advisory_xact_lock(7311465203) \g /dev/null
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') AS is_new \gset
\if :is_new
CREATE ROLE :"login";
\endif
ALTER ROLE :"login" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD :'password';
ALTER ROLE :"login" SET statement_timeout = '600s';
ALTER ROLE :"login" SET lock_timeout = '60s';
ALTER ROLE :"login" SET idle_in_transaction_session_timeout = '300s';
COMMIT;
SQL
    }

    admit() { # LOGIN GROUPS: groups as in SQL
        run_sql -v login="$1" -v groups="$2" << 'SQL'
BEGIN;
SELECT pg_advisory_xact_lock(7311465203) \g /dev/null
GRANT :groups TO :"login";
COMMIT;
SQL
    }

    make_dagster_database() {
        run_sql -v name="$dagster_database" -v owner="$dagster_login" << 'SQL'
SELECT pg_advisory_lock(7311465203) \g /dev/null
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') AS is_new \gset
\if :is_new
CREATE DATABASE :"name" OWNER :"owner" TEMPLATE template0 ENCODING 'UTF8';
\endif
SQL
    }

    superuser="${POSTGRES_USER:-postgres}"
    database="${POSTGRES_DB:-$superuser}"
    sql_dir="${RECON_SQL_DIR:-/recon-sql}"
    app_login="${RECON_APP_USER:-recon}"
    dagster_login="${RECON_DAGSTER_USER:-recon_dagster}"
    dagster_database="${RECON_DAGSTER_DB:-dagster}"
    auditor_login="${RECON_AUDITOR_USER:-recon_audit}"
    auditor_password=''

    # everything that can be wrong without a change is found before the first one
    [ -e "$sql_dir/migrations/0001_record.sql" ] \
        || fail "there are no migrations in $sql_dir: mount the release's folder sql there, or set RECON_SQL_DIR"
    app_password="$(secret RECON_APP_PASSWORD)"
    dagster_password="$(secret RECON_DAGSTER_PASSWORD)"
    # set but empty is unset, as compose hands it on
    if [ -n "${RECON_AUDITOR_PASSWORD:-}${RECON_AUDITOR_PASSWORD_FILE:-}" ]; then
        auditor_password="$(secret RECON_AUDITOR_PASSWORD)"
    fi
    server_version="$(query <<< "SHOW server_version_num")"
    [ "$server_version" -ge 150000 ] || fail "PostgreSQL is too old: use version 15 or newer"
    check_login RECON_APP_USER "$app_login"
    check_login RECON_DAGSTER_USER "$dagster_login"
    [ "$app_login" != "$dagster_login" ] || fail "RECON_APP_USER and RECON_DAGSTER_USER are the same: use two logins"
    if [ -n "$auditor_password" ]; then
        check_login RECON_AUDITOR_USER "$auditor_login"
        case "$auditor_login" in
            "$app_login" | "$dagster_login") fail "RECON_AUDITOR_USER is the login of another: it may only read" ;;
        esac
    fi
    [ "$dagster_database" != "$database" ] || fail "RECON_DAGSTER_DB is the database of the record: choose another name"

    migrate
    doing='the logins are not complete'
    make_login "$app_login" "$app_password"
    admit "$app_login" 'recon_app, recon_reader'
    make_login "$dagster_login" "$dagster_password"
    if [ -n "$auditor_password" ]; then
        make_login "$auditor_login" "$auditor_password"
        admit "$auditor_login" recon_auditor
    fi
    doing="$dagster_database was not made"
    make_dagster_database
    printf 'recon: %s is ready for the login %s, %s for %s\n' \
        "$database" "$app_login" "$dagster_database" "$dagster_login"
)

recon_initdb
