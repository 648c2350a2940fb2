"""A record of many years, written by SQL: for benchmarks and for tests of plans. Not here: what is asked of it.

Rows go in as the superuser with the guards and the audit off, which are set again at the end: the record is as wide and
as crooked as a real one, but nobody published it and `recon audit verify` would say so.

Of every processor-day: an answer, in half of the days superseded by a second one, else followed by a failed attempt;
an attempt that found the same again; in 3 of 10 days a failed attempt last. Answers have 0 to 399 discrepancies, ten
days of the first processor many more. One day in 32 is incomplete. Three days in ten have three currencies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import psycopg

from recon_assets.settings import DEFAULT_TENANT_ID

OTHER_TENANT: Final = UUID("bbbbbbbb-0000-4000-8000-000000000000")
RUNS_PER_DAY: Final = 3.3


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is filled in. `big_day`: discrepancies of a day of the ten worst; `probes`: findings per component."""

    until: date
    days: int
    processors: int = 8
    other_processors: int = 2
    big_day: int = 100_000
    probes: int = 10_000

    @property
    def processor_names(self) -> tuple[str, ...]:
        return tuple(f"processor_{number}" for number in range(self.processors))

    @property
    def parameters(self) -> dict[str, object]:
        """Of the statements below. The second tenant has fewer processors and half of the days."""
        return {
            "until": self.until,
            "days": self.days,
            "processors": self.processors,
            "other_processors": self.other_processors,
            "big_day": self.big_day,
            "big_every": max(1, self.days // 10),
            "probes": self.probes,
            "tenant": DEFAULT_TENANT_ID,
            "other_tenant": OTHER_TENANT,
        }


_DAYS: Final = """
    CREATE TEMPORARY TABLE filled_days ON COMMIT DROP AS
    SELECT t.tenant_id, 'processor_' || p AS processor_name, %(until)s::date - d AS run_date, d,
        CASE WHEN big.yes THEN 5 ELSE (d * 7 + p * 3) %% 10 END AS kind,
        CASE WHEN big.yes THEN %(big_day)s ELSE floor(random() * 400)::int END AS found,
        md5(concat_ws('|', t.tenant_id, p, d)) AS seed
    FROM (VALUES
        (%(tenant)s::uuid, %(processors)s::int, %(days)s::int),
        (%(other_tenant)s::uuid, %(other_processors)s::int, %(days)s::int / 2)
    ) AS t (tenant_id, processors, days)
    CROSS JOIN LATERAL generate_series(0, t.processors - 1) AS p
    CROSS JOIN LATERAL generate_series(1, t.days) AS d
    CROSS JOIN LATERAL (
        SELECT p = 0 AND d %% %(big_every)s = %(big_every)s / 2 AND t.tenant_id = %(tenant)s AS yes
    ) AS big
"""

# Version 1 to 4 of a day; `answers` says which has an answer, `current` which of them stands.
_ATTEMPTS: Final = """
    CREATE TEMPORARY TABLE filled_attempts ON COMMIT DROP AS
    SELECT d.*, v AS version, md5(d.seed || v)::uuid AS id, v = 1 OR (v = 2 AND d.kind < 5) AS answers,
        v = CASE WHEN d.kind < 5 THEN 2 ELSE 1 END AS is_current,
        CASE WHEN d.kind < 5 THEN 2 ELSE 1 END AS standing,
        CASE WHEN v = 1 OR d.kind < 5 THEN d.found END AS discrepancies,
        get_byte(decode(d.seed, 'hex'), 0) < 8 AS incomplete,
        d.run_date + interval '25 hours' + v * interval '40 minutes' + random() * interval '10 minutes' AS start_time
    FROM filled_days AS d CROSS JOIN generate_series(1, 4) AS v
    WHERE v < 4 OR d.kind IN (0, 5, 9)
"""

_RUNS: Final = """
    INSERT INTO reconciliation_runs (
        tenant_id, id, processor_name, run_date, version, idempotency_key, dagster_run_id, start_time, end_time, status,
        verdict, is_current, failed_stage, failure_reason, same_answer_as, superseded_by, superseded_at,
        processor_transactions, internal_transactions, matched_count, discrepancy_count, missing_transaction_count,
        pending_count, rule_version,
        currency, total_volume_processed, total_discrepancy_amount, discrepancy_rate, value_at_risk_rate, risk_level,
        compliance_status, incomplete_reasons, input_fingerprint, result_digest, metadata, manifest_sha256
    )
    SELECT
        tenant_id, id, processor_name, run_date, version, md5(seed || version), 'dagster-' || id, start_time,
        start_time + interval '20 seconds',
        CASE WHEN answers AND incomplete THEN 'incomplete' WHEN answers THEN 'completed'
        WHEN version = 3 THEN 'unchanged' ELSE 'failed' END,
        CASE WHEN has_figures AND incomplete THEN 'incomplete' WHEN has_figures AND found > 0 THEN 'discrepancies'
        WHEN has_figures THEN 'reconciled' END,
        is_current,
        CASE WHEN version <> 3 AND NOT answers THEN 'transactions' END,
        CASE WHEN version <> 3 AND NOT answers THEN 'the processor did not answer' END,
        CASE WHEN version = 3 THEN md5(seed || standing)::uuid END,
        CASE WHEN answers AND NOT is_current THEN md5(seed || standing)::uuid END,
        CASE WHEN answers AND NOT is_current THEN start_time + interval '40 minutes' END,
        CASE WHEN has_figures THEN 20000 END, CASE WHEN has_figures THEN 20000 END,
        CASE WHEN has_figures THEN 19000 END,
        CASE WHEN has_figures THEN found END, CASE WHEN has_figures THEN found / 10 * 5 + least(found %% 10, 5) END,
        CASE WHEN has_figures THEN 0 END, CASE WHEN has_figures THEN repeat('4', 64) END,
        CASE WHEN has_figures AND kind < 7 THEN 'USD' END, CASE WHEN has_figures AND kind < 7 THEN 400000 END,
        CASE WHEN has_figures AND kind < 7 THEN found * 20 END, CASE WHEN has_figures THEN 0.01 END,
        CASE WHEN has_figures THEN 0.01 END, CASE WHEN has_figures THEN 'MEDIUM' END,
        CASE WHEN has_figures THEN 'NEEDS_REVIEW' END,
        CASE WHEN has_figures AND incomplete THEN '["the ledger feed is late"]'::jsonb ELSE '[]' END,
        md5(seed || 'inputs'), CASE WHEN has_figures THEN seed || seed END,
        CASE WHEN has_figures THEN '{"count_by_class": {"missing_in_ledger": 5, "amount_mismatch": 3}}'::jsonb
        ELSE '{}' END,
        CASE WHEN answers THEN seed || seed END
    FROM (
        SELECT f.*, f.answers OR f.version = 3 AS has_figures FROM filled_attempts AS f
    ) AS attempts
"""

_PROOFS: Final = """
    INSERT INTO reconciliation_proofs (
        tenant_id, run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor,
        ledger_total_minor, signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    )
    SELECT a.tenant_id, a.id, c.currency, CASE c.currency WHEN 'JPY' THEN 0 ELSE 2 END, 20000, 20000, 40000000,
        40000000 - found * 2000, found * 2000, found, found * 2000, 40000000
    FROM filled_attempts AS a
    CROSS JOIN LATERAL unnest((ARRAY['USD', 'EUR', 'JPY'])[1:CASE WHEN kind < 7 THEN 1 ELSE 3 END]) AS c (currency)
    WHERE a.answers
"""

_DISCREPANCIES: Final = """
    INSERT INTO discrepancies (
        tenant_id, id, run_id, discrepancy_id, processor_name, business_date, class, outcome, priority, side,
        transaction_id, occurrence, currency, exponent, amount_minor, processor_amount_minor, processor_currency,
        processor_status, processor_seq, processor_raw_file, processor_record_number, merchant_id, reference_number,
        fee_minor, status, occurred_at
    )
    SELECT
        a.tenant_id, md5(a.seed || a.version || '|' || n)::uuid, a.id, md5(a.seed || n)::uuid, a.processor_name,
        a.run_date,
        CASE WHEN n %% 10 IN (1, 2, 3, 4, 5) THEN 'missing_in_ledger' WHEN n %% 10 = 6 THEN 'missing_at_processor'
        WHEN n %% 10 = 7 THEN 'status_mismatch' WHEN n %% 10 = 8 THEN 'duplicate_in_ledger' ELSE 'amount_mismatch' END,
        'discrepancy',
        CASE WHEN n %% 10 IN (1, 2, 3, 4, 5) THEN 3 WHEN n %% 10 = 6 THEN 1 WHEN n %% 10 IN (7, 8) THEN 4 ELSE 2 END,
        CASE WHEN n %% 10 IN (6, 8) THEN 'ledger' ELSE 'processor' END, 'txn_' || left(md5(a.seed || n), 22), 1,
        money.currency, CASE money.currency WHEN 'JPY' THEN 0 ELSE 2 END, money.minor, abs(money.minor),
        money.currency, 'completed', n, 'page-0001.json', n, 'MERCHANT_' || n %% 500, 'ORDER-' || n, 30, 'completed',
        a.run_date + n * interval '1 second'
    FROM filled_attempts AS a
    CROSS JOIN LATERAL generate_series(1, a.found) AS n
    CROSS JOIN LATERAL (
        SELECT CASE WHEN kind < 7 THEN 'USD' ELSE (ARRAY['USD', 'EUR', 'JPY'])[1 + n %% 3] END AS currency,
            -- few are large: 4 in a thousand are of 1,000.00 or more
            ((CASE WHEN n %% 10 = 6 THEN -1 ELSE 1 END) * 2000 * power(random() + 1e-7, -0.7))::bigint AS minor
    ) AS money
    WHERE a.answers AND a.run_date BETWEEN %(since)s AND %(month_end)s
"""

# Of each two neighbouring days, every tenth missing transaction of the one with a missing ledger entry of the other.
_ACROSS_DAYS: Final = """
    INSERT INTO prior_day_matches (
        tenant_id, processor_name, processor_date, processor_discrepancy_id, ledger_date, ledger_discrepancy_id,
        currency, amount_minor, pass, rule_version, found_by, found_at
    )
    SELECT a.tenant_id, a.processor_name, a.run_date, md5(a.seed || 10 * k + 1)::uuid, b.run_date,
        md5(b.seed || 10 * k + 6)::uuid, 'USD', 2000, 'reference', repeat('4', 64), b.id, b.start_time
    FROM filled_attempts AS a
    INNER JOIN filled_attempts AS b
        ON b.tenant_id = a.tenant_id AND b.processor_name = a.processor_name AND b.run_date = a.run_date + 1
    CROSS JOIN LATERAL generate_series(0, least(a.found, b.found) / 10 - 1) AS k
    WHERE a.answers AND a.is_current AND NOT a.incomplete AND b.answers AND b.is_current AND NOT b.incomplete
"""

_CHECKS: Final = """
    INSERT INTO data_quality_checks (
        tenant_id, dagster_run_id, run_id, asset_key, processor_name, business_date, check_name, passed, severity,
        description, rows_checked, failed_rows, failed_rules, checked_at
    )
    SELECT tenant_id, 'dagster-' || id, CASE WHEN answers OR version = 3 THEN id END,
        processor_name || '/' || (ARRAY['transactions', 'ledger_entries', 'discrepancies'])[1 + c %% 3], processor_name,
        run_date, (ARRAY['schema_holds', 'ids_are_unique', 'totals_agree', 'feed_is_complete', 'rows_are_of_the_day',
        'amounts_are_plausible', 'currencies_are_known', 'rows_are_accounted_for', 'counts_are_as_usual',
        'reconciliation_is_proven'])[c], failed.yes = 0, 'ERROR', 'every row is as the schema says', 20000,
        CASE WHEN failed.yes > 0 THEN 3 ELSE 0 END, '{}', start_time + c * interval '1 second'
    FROM filled_attempts CROSS JOIN generate_series(1, 10) AS c
    CROSS JOIN LATERAL (SELECT (random() < 0.02 AND c > 0)::int AS yes) AS failed
"""

_OUTBOX: Final = """
    INSERT INTO outbox (
        tenant_id, kind, dedupe_key, run_id, payload, created_at, due_at, attempts, last_error, delivered_at,
        abandoned_at
    )
    SELECT tenant_id, CASE WHEN answers THEN 'run_published' ELSE 'run_failed' END, id::text, id,
        jsonb_build_object('processor', processor_name, 'version', version), start_time, start_time, 1,
        CASE WHEN random() < 0.01 THEN 'the receiver does not exist' END,
        CASE WHEN d > 3 THEN start_time + interval '1 minute' END, NULL
    FROM filled_attempts WHERE version <> 3
"""

_ARCHIVES: Final = """
    INSERT INTO archives (
        tenant_id, run_id, processor_name, business_date, folder, file_count, size_bytes, archived_at, state, place,
        reason, attempts, due_at, shipped_at
    )
    SELECT tenant_id, id, processor_name, run_date, 'reports/' || run_date || '/' || processor_name || '/' || id, 25,
        40000000, start_time, CASE WHEN waits.yes THEN 'waiting' ELSE 'shipped' END, 's3://evidence',
        CASE WHEN waits.yes THEN 'S3 could not take the file (SlowDown)' END, 1, start_time,
        CASE WHEN NOT waits.yes THEN start_time + interval '1 minute' END
    FROM filled_attempts CROSS JOIN LATERAL (SELECT d <= 3 AS yes) AS waits WHERE answers
"""

_HEALTH: Final = """
    INSERT INTO system_health (tenant_id, component, status, check_time, latency_ms)
    SELECT %(tenant)s, 'component_' || c, 'healthy', %(until)s::date - p * interval '5 minutes', 12
    FROM generate_series(1, 12) AS c CROSS JOIN generate_series(1, %(probes)s) AS p
"""


def fill(connection: psycopg.Connection, extent: Extent) -> None:
    """Fill an empty record. `connection` is the superuser's, in autocommit."""
    parameters = extent.parameters
    with connection.transaction(), _without_guards(connection), _without_indexes(connection):
        connection.execute("SELECT setseed(0.25), set_config('maintenance_work_mem', '256MB', true)")
        for statement in (
            _DAYS,
            _ATTEMPTS,
            _RUNS,
            _PROOFS,
            _ACROSS_DAYS,
            _CHECKS,
            _OUTBOX,
            _ARCHIVES,
            _HEALTH,
        ):
            connection.execute(statement.encode(), parameters)
        months = connection.execute(
            "SELECT DISTINCT date_trunc('month', run_date)::date FROM filled_days ORDER BY 1"
        ).fetchall()
        for (month,) in months:
            connection.execute("SELECT ensure_month(%s)", [month])
            month_end = date(month.year + month.month // 12, month.month % 12 + 1, 1).toordinal() - 1
            within = {"since": month, "month_end": date.fromordinal(month_end)}
            connection.execute(_DISCREPANCIES.encode(), parameters | within)
    connection.execute("VACUUM (ANALYZE)")


@contextmanager
def _without_guards(connection: psycopg.Connection) -> Iterator[None]:
    """Triggers that always fire are switched off one by one; the references' own go with the replica's role."""
    always = connection.execute(
        """
        SELECT t.tgrelid::regclass::text, quote_ident(t.tgname) FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE t.tgenabled = 'A' AND NOT t.tgisinternal AND NOT c.relispartition
        """
    ).fetchall()
    connection.execute("SET LOCAL session_replication_role = replica")
    for table, trigger in always:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}".encode())
    yield
    for table, trigger in always:
        connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}".encode())
    connection.execute("SET LOCAL session_replication_role = origin")


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Those of `discrepancies` are built at the end, which is several times as fast."""
    indexes = connection.execute(
        """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'discrepancies'::regclass AND NOT indisprimary
        """
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    connection.execute("ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_pkey")
    yield
    connection.execute("ALTER TABLE discrepancies ADD PRIMARY KEY (tenant_id, id, business_date)")
    for _, definition in indexes:
        connection.execute(definition.replace(" ON ONLY ", " ON ").encode())
