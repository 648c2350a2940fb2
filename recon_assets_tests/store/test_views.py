"""What the views say, beyond who may see it (`test_tenants`) and the classic two (`test_schema`)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from recon_assets.store.checks import link_outcomes_to_run
from recon_assets.store.runs import begin_run
from recon_assets_tests.store.builders import (
    DAY,
    NAMESPACE,
    STARTED,
    conclusion,
    missing,
    proofs_of,
    publish,
    quiet_proof,
)
from recon_assets_tests.store.tenants import record_one_outcome

INSERT = """
    INSERT INTO discrepancies (
        id, run_id, discrepancy_id, processor_name, business_date, class, outcome, priority, side, transaction_id,
        occurrence, currency, exponent, amount_minor, processor_seq
    ) VALUES (%s, %s, %s, 'stripe', %s, 'missing_in_ledger', 'discrepancy', 3, 'processor', 'a', 1, 'USD', 2, 1, 0)
"""
INSERT_PROOF = """
    INSERT INTO reconciliation_proofs (
        run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor, ledger_total_minor,
        signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) VALUES (%s, 'USD', 2, 1, 0, 1, 0, 1, 1, 1, 1)
"""
COMPLETE = """
    UPDATE reconciliation_runs SET status = 'completed', is_current = TRUE, end_time = now(),
        verdict = 'discrepancies', processor_transactions = 1, internal_transactions = 0, matched_count = 0,
        discrepancy_count = 1, pending_count = 0, missing_transaction_count = 1, risk_level = 'LOW',
        compliance_status = 'COMPLIANT', rule_version = repeat('4', 64)
    WHERE id = %s
"""


def rows_of(connection: psycopg.Connection, statement: str) -> list[tuple]:
    with connection.transaction():
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize(
    ("age_days", "bucket"),
    [(0, "0-1"), (1, "0-1"), (2, "2-7"), (7, "2-7"), (8, "8-30"), (30, "8-30"), (31, "over 30"), (-1, "0-1")],
)
def test_an_open_discrepancy_has_its_age_and_bucket(connection, age_days: int, bucket: str) -> None:
    day = datetime.now(UTC).date() - timedelta(days=age_days)
    run = begin_run(
        connection, processor="stripe", business_date=day, idempotency_key="a", dagster_run_id=None, started_at=STARTED
    )
    with connection.transaction():
        connection.execute(INSERT, [uuid5(NAMESPACE, "row"), run.run_id, uuid5(NAMESPACE, "life"), day])
        connection.execute(INSERT_PROOF, [run.run_id])
        connection.execute(COMPLETE, [run.run_id])
    assert rows_of(connection, "SELECT age_days, ageing_bucket FROM v_open_discrepancies") == [
        (max(age_days, 0), bucket)
    ]


def test_what_was_superseded_is_not_open_any_more(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("gone"), missing("stays")])
    publish(connection, tmp_path, key="b", rows=[missing("stays")])
    assert rows_of(connection, "SELECT transaction_id, verdict FROM v_open_discrepancies") == [
        ("stays", "discrepancies")
    ]


def test_high_values_are_counted_in_whole_units_of_their_currency_and_in_both_directions(
    connection, tmp_path: Path
) -> None:
    rows = [
        missing("below", amount_minor=99_999),
        missing("at", amount_minor=100_000),
        missing("refund", amount_minor=-100_000),
        missing("yen", amount_minor=1_000, currency="JPY"),
        missing("dinar below", amount_minor=999_999, currency="KWD"),
    ]
    publish(connection, tmp_path, key="a", rows=rows)
    seen = rows_of(connection, "SELECT transaction_id FROM v_high_value_missing_transactions ORDER BY 1")
    assert seen == [("at",), ("refund",), ("yen",)]


def test_metrics_of_a_date_add_processors_but_never_currencies(connection, tmp_path: Path) -> None:
    for number, processor in enumerate(("stripe", "paypal")):
        rows = [missing(f"{processor} {place}") for place in range(5)]
        answer = conclusion(
            rows,
            proofs=(*proofs_of(rows), quiet_proof("JPY", exponent=0, volume_minor=10)),
            processor=processor,
            reasons=("short",) if number else (),
        )
        publish(connection, tmp_path, key=processor, rows=rows, answer=answer)
    quiet = conclusion([], proofs=(), processor="square")
    publish(connection, tmp_path, key="square", rows=[], answer=quiet)
    seen = rows_of(
        connection,
        "SELECT currency, runs, incomplete_runs, total_volume_processed, total_discrepancy_amount, total_residual "
        "FROM v_daily_reconciliation_metrics ORDER BY currency NULLS LAST",
    )
    assert seen == [
        ("JPY", 2, 1, Decimal(20), Decimal(0), Decimal(0)),
        ("USD", 2, 1, Decimal("13155.00"), Decimal("39.90"), Decimal(0)),
        (None, 1, 0, None, None, None),
    ]


def test_the_history_of_checks_says_whether_their_run_still_stands(connection, tmp_path: Path) -> None:
    record_one_outcome(connection)
    history = "SELECT check_name, version, is_current FROM v_check_history"
    assert rows_of(connection, history) == [("ids_are_unique", None, None)]
    run: UUID = publish(connection, tmp_path, key="a", rows=[]).run_id
    link_outcomes_to_run(connection, dagster_run_id="dagster", processor="stripe", business_date=DAY, run_id=run)
    assert rows_of(connection, history) == [("ids_are_unique", 1, True)]
    publish(connection, tmp_path, key="b", rows=[])
    assert rows_of(connection, history) == [("ids_are_unique", 1, False)]
