"""What the database refuses by itself, what it writes down, and what its views and queries show."""

from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.store.checks import AssetOutcomes, link_outcomes_to_run, record_outcomes
from recon_assets.store.database import Database
from recon_assets.store.health import HealthStatus, latest_health, record_health
from recon_assets.store.runs import record_failure
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.store.builders import DAY, STARTED, begin, conclusion, missing, publish

SQL = Path(__file__).resolve().parents[2] / "sql"
OUTCOMES = [
    CheckOutcome("ids_are_unique", passed=True, severity=Severity.ERROR, description="every id once", rows_checked=30),
    CheckOutcome(
        "schema_holds",
        passed=False,
        severity=Severity.WARN,
        description="rows are as the schema says",
        rows_checked=30,
        failed_rules={"currency_known": 2},
        facts={"file": "a"},
    ),
]


def rows_of(connection: psycopg.Connection, statement: str) -> list[tuple]:
    with connection.transaction():
        return connection.execute(statement.encode()).fetchall()


def record(connection: psycopg.Connection) -> None:
    record_outcomes(
        connection,
        AssetOutcomes("stripe/transactions", OUTCOMES),
        dagster_run_id="dagster-a",
        processor="stripe",
        business_date=DAY,
    )


@pytest.fixture(scope="module")
def published(server, new_database, tmp_path_factory):
    """The application's connection to a database with one published run and one running, for what is refused."""
    folder = tmp_path_factory.mktemp("published")
    database = Database.from_settings(settings_on(server, folder, name=new_database()))
    with database.connect() as connection:
        publish(connection, folder, key="a", rows=[missing("a")])
        begin(connection, "running", processor="paypal")
        record(connection)
        with connection.transaction():
            connection.execute("INSERT INTO system_configuration (key, value) VALUES ('limit', '1')")
        yield connection


@pytest.fixture(scope="module")
def tampering(published, server):
    """The superuser's connection to the same database: the triggers hold for it too."""
    name = published.info.dbname
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname=name) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE discrepancies SET amount_minor = 1",
        "DELETE FROM discrepancies",
        "TRUNCATE discrepancies",
        "UPDATE reconciliation_proofs SET volume_minor = 1",
        "DELETE FROM reconciliation_proofs",
        "TRUNCATE reconciliation_proofs",
        "UPDATE audit_log SET actor = 'somebody else'",
        "DELETE FROM audit_log WHERE false",
        "TRUNCATE audit_log",
        "DELETE FROM reconciliation_runs",
        "TRUNCATE reconciliation_runs CASCADE",
        "UPDATE reconciliation_runs SET status = 'running', end_time = NULL",
        "UPDATE reconciliation_runs SET total_discrepancy_amount = 0",
        "UPDATE reconciliation_runs SET is_current = false",
        "UPDATE reconciliation_runs SET verdict = 'reconciled'",
        "UPDATE data_quality_checks SET passed = true",
        "DELETE FROM data_quality_checks",
        "TRUNCATE data_quality_checks",
        "UPDATE reconciliation_runs SET tenant_id = gen_random_uuid()",
        "UPDATE system_configuration SET tenant_id = gen_random_uuid()",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_record_cannot_be_changed_even_by_a_superuser(tampering, statement: str, role: str) -> None:
    with tampering.transaction(force_rollback=True):
        tampering.execute("SELECT set_config('session_replication_role', %s, true)", [role])
        with pytest.raises(errors.InsufficientPrivilege), tampering.transaction():
            tampering.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        """INSERT INTO reconciliation_proofs (run_id, currency, exponent, processor_transactions, ledger_entries,
        processor_total_minor, ledger_total_minor, signed_discrepancies_minor, discrepancy_count,
        discrepancy_amount_minor, volume_minor) SELECT run_id, 'EUR', 2, 1, 1, 1, 1, 0, 0, 0, 1
        FROM reconciliation_proofs""",
        """INSERT INTO discrepancies (id, run_id, discrepancy_id, processor_name, business_date, class, outcome,
        priority, side, occurrence, currency, exponent, amount_minor, ledger_seq) SELECT gen_random_uuid(), run_id,
        discrepancy_id, processor_name, business_date, class, outcome, priority, side, 2, currency, exponent, 1, 1
        FROM discrepancies""",
    ],
)
def test_nothing_is_added_to_an_answer_that_was_given(published, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="to a running run only"), published.transaction():
        published.execute(statement.encode())


@pytest.mark.parametrize(
    "values",
    [
        "'failed', now(), NULL",
        "'failed', NULL, 'why'",
        "'running', now(), NULL",
        "'running', NULL, 'why'",
        "'completed', now(), NULL",
        "'aborted', now(), 'why'",
        "'done', now(), 'why'",
    ],
)
def test_a_run_cannot_begin_in_a_wrong_state(published, values: str) -> None:
    with pytest.raises((errors.CheckViolation, errors.InsufficientPrivilege)), published.transaction():
        published.execute(
            f"""
            INSERT INTO reconciliation_runs
                (processor_name, run_date, version, idempotency_key, start_time, status, end_time, failure_reason)
            VALUES ('square', '2025-09-30', 1, 'key', now(), {values})
            """.encode()
        )


@pytest.mark.parametrize(
    "change",
    [
        "status = 'completed', end_time = now()",
        "status = 'completed', is_current = true, end_time = now(), verdict = 'reconciled'",
        "discrepancy_rate = 'NaN'",
        "status = 'failed', end_time = now(), failure_reason = 'x', processor_name = 'square'",
        "status = 'failed', end_time = now(), failure_reason = 'x', is_current = true",
        "status = 'failed', end_time = now(), failure_reason = 'x', verdict = 'reconciled'",
    ],
)
def test_a_running_run_cannot_end_in_a_wrong_state(published, change: str) -> None:
    assert rows_of(published, "SELECT count(*) FROM reconciliation_runs WHERE status = 'running'") == [(1,)]
    with pytest.raises((errors.CheckViolation, errors.InsufficientPrivilege)), published.transaction():
        published.execute(f"UPDATE reconciliation_runs SET {change} WHERE status = 'running'".encode())


def test_not_a_number_is_no_amount(connection, tmp_path) -> None:
    begin(connection, "a")
    full = (
        "status = 'completed', is_current = true, end_time = now(), verdict = 'reconciled', "
        "processor_transactions = 1, internal_transactions = 1, matched_count = 0, discrepancy_count = 0, "
        "missing_transaction_count = 0, pending_count = 0, rule_version = repeat('4', 64), "
        "risk_level = 'LOW', compliance_status = 'COMPLIANT', currency = 'USD', total_volume_processed = 1"
    )
    for amount in ("'NaN'", "'Infinity'", "-1", "NULL"):
        statement = f"UPDATE reconciliation_runs SET {full}, total_discrepancy_amount = {amount}"
        with pytest.raises(errors.CheckViolation), connection.transaction():
            connection.execute(statement.encode())
    with connection.transaction():
        connection.execute(f"UPDATE reconciliation_runs SET {full}, total_discrepancy_amount = 0".encode())


def test_every_change_of_a_run_is_in_the_audit_log(connection, superuser, tmp_path) -> None:
    run = publish(connection, tmp_path, key="a", rows=[missing("a"), missing("b")])
    record(connection)
    events = rows_of(superuser, "SELECT action, table_name, row_count, run_id, actor FROM audit_log ORDER BY seq")
    assert [event[:3] for event in events] == [
        ("INSERT", "reconciliation_runs", 1),
        ("BULK_INSERT", "discrepancies", 2),
        ("BULK_INSERT", "reconciliation_proofs", 1),
        ("BULK_INSERT", "matches", 1),
        ("UPDATE", "reconciliation_runs", 1),
        ("INSERT", "outbox", 1),
        ("INSERT", "data_quality_checks", 1),
        ("INSERT", "data_quality_checks", 1),
        ("INSERT", "outbox", 1),
    ]
    assert {event[3] for event in events[:6]} == {run.run_id}
    assert {event[4] for event in events} == {"recon"}
    changed = rows_of(superuser, "SELECT old_value ->> 'status', new_value ->> 'status' FROM audit_log WHERE seq = 5")
    assert changed == [("running", "completed")]


def test_the_configuration_is_audited_with_old_and_new_value(connection, superuser) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO system_configuration (key, value) VALUES ('limit', '1')")
        connection.execute("UPDATE system_configuration SET value = '2'")
    superuser.execute("DELETE FROM system_configuration")
    events = rows_of(superuser, "SELECT action, old_value -> 'value', new_value -> 'value' FROM audit_log ORDER BY seq")
    assert events == [("INSERT", None, 1), ("UPDATE", 1, 2), ("DELETE", 2, None)]


def test_missing_transactions_has_the_classic_columns_of_current_concluded_days(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("superseded")])
    publish(connection, tmp_path, key="b", rows=[missing("shown", fee_minor=12, merchant_id="m"), mismatch("other")])
    unknown = [missing("unknown")]
    answer = conclusion(unknown, reasons=("short",), processor="paypal")
    publish(connection, tmp_path, key="c", rows=unknown, answer=answer)
    with connection.transaction(), connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        (row,) = cursor.execute("SELECT * FROM missing_transactions").fetchall()
    assert list(row) == [
        "id",
        "run_id",
        "transaction_id",
        "processor_name",
        "amount",
        "currency",
        "merchant_id",
        "transaction_date",
        "reference_number",
        "fee",
        "status",
        "metadata",
        "tenant_id",
    ]
    assert (row["transaction_id"], row["amount"], row["fee"]) == ("shown", Decimal("3.99"), Decimal("0.12"))
    assert (row["transaction_date"], row["status"], row["merchant_id"]) == (DAY, "completed", "m")
    assert (row["metadata"]["raw_file"], row["metadata"]["record_number"]) == ("page-0001.json", 1)


def mismatch(transaction_id: str) -> dict[str, object]:
    return missing(transaction_id, **{"class": "amount_mismatch", "ledger_seq": 3, "ledger_amount_minor": 1})


def test_recent_reconciliations_shows_a_failed_latest_attempt_beside_the_answer(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    publish(connection, tmp_path, key="b", rows=[missing("a")])
    record_failure(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key="c",
        dagster_run_id=None,
        stage="transactions",
        reason="no answer",
        started_at=STARTED,
    )
    seen = rows_of(
        connection, "SELECT version, is_current, is_latest_attempt, status, verdict FROM v_recent_reconciliations"
    )
    assert sorted(seen) == [(2, True, False, "completed", "discrepancies"), (3, False, True, "failed", None)]


def test_every_table_says_what_it_is(connection) -> None:
    silent = rows_of(
        connection,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'public'::regnamespace "
        "AND obj_description(oid, 'pg_class') IS NULL",
    )
    assert silent == [("schema_migrations",)]


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (
            "recent_runs",
            ["run_date", "processor_name", "missing_transaction_count", "total_discrepancy_amount", "status"],
        ),
        (
            "missing_transactions",
            ["transaction_date", "processor_name", "transaction_id", "amount", "currency", "merchant_id"],
        ),
        (
            "failed_checks",
            [
                "business_date",
                "processor_name",
                "asset_key",
                "check_name",
                "severity",
                "failed_rows",
                "rows_checked",
                "description",
            ],
        ),
    ],
)
def test_the_readmes_queries_run(connection, tmp_path, query: str, columns: list[str]) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    record(connection)
    with connection.transaction():
        cursor = connection.execute((SQL / "queries" / f"{query}.sql").read_bytes())
        assert [column.name for column in cursor.description] == columns
        assert len(cursor.fetchall()) == 1


def test_recent_runs_are_read_from_an_index(connection) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = connection.execute(b"EXPLAIN " + (SQL / "queries" / "recent_runs.sql").read_bytes()).fetchall()
    assert "runs_by_start" in str(plan)


def test_outcomes_are_kept_once_and_linked_to_their_run_once(connection, tmp_path) -> None:
    record(connection)
    record(connection)
    run = publish(connection, tmp_path, key="b", rows=[])
    link = {"dagster_run_id": "dagster-a", "processor": "stripe", "business_date": DAY, "run_id": run.run_id}
    assert link_outcomes_to_run(connection, **link) == 2
    assert link_outcomes_to_run(connection, **link) == 0
    kept = rows_of(
        connection,
        "SELECT check_name, passed, failed_rows, failed_rules, facts, run_id FROM data_quality_checks ORDER BY 1",
    )
    assert kept == [
        ("ids_are_unique", True, 0, {}, {}, run.run_id),
        ("schema_holds", False, 2, {"currency_known": 2}, {"file": "a"}, run.run_id),
    ]


def test_the_latest_health_of_each_component_is_known(connection) -> None:
    record_health(connection, component="stripe", status=HealthStatus.DOWN, reason="no answer", latency_ms=5_000.0)
    record_health(connection, component="stripe", status=HealthStatus.HEALTHY, latency_ms=12.5)
    record_health(connection, component="ledger", status=HealthStatus.HEALTHY, details={"rows": 3})
    found = {health.component: (health.status, health.details) for health in latest_health(connection)}
    assert found == {"ledger": ("healthy", {"rows": 3}), "stripe": ("healthy", {})}
