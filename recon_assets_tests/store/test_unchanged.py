"""A day that is done again: the same result from the same inputs is no second answer, anything else is a new one."""

from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.store.history import current_run, latest_attempts
from recon_assets.store.publication import _UNCHANGED, PublishedRun, publish_run
from recon_assets_tests.store.builders import DAY, begin, conclusion, missing, write


def publish_from(connection, folder: Path, *, key: str, rows: list, inputs: str | None, reasons=()) -> PublishedRun:
    run = begin(connection, key)
    return publish_run(
        connection,
        run_id=run.run_id,
        conclusion=conclusion(rows, reasons=reasons),
        discrepancies=write(folder, rows),
        input_fingerprint=inputs,
    )


def count(connection: psycopg.Connection, table: str) -> int:
    with connection.transaction():
        return connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0]


def test_the_same_result_from_the_same_inputs_is_found_again_and_not_copied(connection, tmp_path) -> None:
    first = publish_from(connection, tmp_path, key="a", rows=[missing("a")], inputs="same")
    again = publish_from(connection, tmp_path, key="b", rows=[missing("a")], inputs="same")
    assert (again.run_id, again.version, again.unchanged, again.superseded) == (first.run_id, 1, True, None)
    assert current_run(connection, "stripe", DAY).id == first.run_id
    assert (count(connection, "discrepancies"), count(connection, "outbox")) == (1, 1)
    with connection.transaction():
        attempt = connection.execute(
            "SELECT status, same_answer_as, end_time IS NOT NULL, missing_transaction_count, total_discrepancy_amount "
            "FROM reconciliation_runs WHERE version = 2"
        ).fetchone()
        confirmed = connection.execute(
            "SELECT version, is_latest_attempt, confirmed_at IS NOT NULL FROM v_recent_reconciliations"
        ).fetchall()
    assert attempt == ("unchanged", first.run_id, True, 1, Decimal("3.99")), "with the figures that it found again"
    assert confirmed == [(1, True, True)]
    (state,) = latest_attempts(connection, processors=["stripe"], since=DAY, until=DAY)
    assert state.latest.id == state.current.id == first.run_id


@pytest.mark.parametrize(
    "other",
    [
        {"rows": [missing("b")]},
        {"rows": [missing("a", merchant_id="other")]},
        {"inputs": "other"},
        {"inputs": None},
        {"reasons": ("it came short",)},
    ],
)
def test_another_result_or_other_inputs_are_a_new_answer(connection, tmp_path, other: dict) -> None:
    same = {"rows": [missing("a")], "inputs": "same"}
    first = publish_from(connection, tmp_path, key="a", **same)
    second = publish_from(connection, tmp_path, key="b", **(same | other))
    assert (second.unchanged, second.superseded, second.version) == (False, first.run_id, 2)


def test_a_result_that_stood_once_and_was_replaced_is_a_new_answer(connection, tmp_path) -> None:
    for key, rows in (("a", [missing("a")]), ("b", []), ("c", [missing("a")])):
        published = publish_from(connection, tmp_path, key=key, rows=rows, inputs="same")
    assert (published.unchanged, published.version) == (False, 3)


def test_a_retry_of_an_unchanged_attempt_finds_the_answer_that_stands(connection, tmp_path) -> None:
    first = publish_from(connection, tmp_path, key="a", rows=[missing("a")], inputs="same")
    publish_from(connection, tmp_path, key="b", rows=[missing("a")], inputs="same")
    begun = begin(connection, "b")
    assert begun.already_published
    retried = publish_from(connection, tmp_path, key="b", rows=[missing("a")], inputs="same")
    assert (retried.run_id, retried.version) == (first.run_id, 1)
    assert (retried.already_published, retried.unchanged) == (True, True)
    assert count(connection, "reconciliation_runs") == 2


@pytest.mark.parametrize(("standing", "change"), [("old", ""), ("new", "matched_count = s.matched_count + 1,")])
def test_an_attempt_can_not_claim_another_answer_than_its_days_current_one(
    connection, tmp_path, standing: str, change: str
) -> None:
    runs = {
        "old": publish_from(connection, tmp_path, key="a", rows=[missing("a")], inputs="same"),
        "new": publish_from(connection, tmp_path, key="b", rows=[], inputs="same"),
    }
    attempt = begin(connection, "c")
    claim = _UNCHANGED.replace("matched_count = s.matched_count,", change or "matched_count = s.matched_count,")
    with pytest.raises(errors.InsufficientPrivilege, match="illegal change of run"), connection.transaction():
        connection.execute(claim.encode(), {"run_id": attempt.run_id, "standing": runs[standing].run_id})
