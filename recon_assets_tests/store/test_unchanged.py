"""A day that is done again: the same result from the same inputs is no second answer, anything else is a new one."""

from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.store.history import current_run, latest_attempts, run_by_id
from recon_assets.store.publication import PublishedRun, publish_run
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
            "SELECT status, same_answer_as, end_time IS NOT NULL FROM reconciliation_runs WHERE version = 2"
        ).fetchone()
        confirmed = connection.execute(
            "SELECT version, is_latest_attempt, confirmed_at IS NOT NULL FROM v_recent_reconciliations"
        ).fetchall()
    assert attempt == ("unchanged", first.run_id, True)
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


def test_an_attempt_can_not_claim_an_answer_that_is_not_its_days_current_one(connection, tmp_path) -> None:
    old = publish_from(connection, tmp_path, key="a", rows=[missing("a")], inputs="same")
    publish_from(connection, tmp_path, key="b", rows=[], inputs="same")
    run = begin(connection, "c")
    digest = run_by_id(connection, old.run_id)
    assert digest is not None
    with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
        connection.execute(
            "UPDATE reconciliation_runs AS r SET status = 'unchanged', end_time = now(), same_answer_as = o.id, "
            "result_digest = o.result_digest FROM reconciliation_runs AS o WHERE r.id = %s AND o.id = %s",
            [run.run_id, old.run_id],
        )
