"""What a new answer did to the discrepancies of the answer before."""

from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets_tests.store.builders import conclusion, missing, publish


def events_of(connection: psycopg.Connection, run_id: object) -> list[tuple]:
    with connection.transaction():
        return connection.execute(
            """
            SELECT d.transaction_id, e.event, e.old_value ->> 'amount_minor', e.new_value ->> 'amount_minor'
            FROM discrepancy_events AS e
            INNER JOIN (SELECT DISTINCT discrepancy_id, transaction_id FROM discrepancies) AS d USING (discrepancy_id)
            WHERE e.run_id = %s ORDER BY 1
            """,
            [run_id],
        ).fetchall()


def test_a_first_answer_has_no_events_and_what_persists_has_none(connection, tmp_path: Path) -> None:
    first = publish(connection, tmp_path, key="a", rows=[missing("a"), missing("b")])
    second = publish(connection, tmp_path, key="b", rows=[missing("a"), missing("b", merchant_id="m"), missing("new")])
    assert events_of(connection, first.run_id) == events_of(connection, second.run_id) == []


def test_what_is_gone_is_resolved_what_comes_back_is_reopened_and_other_money_is_a_change(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("gone"), missing("changes", 100)])
    second = publish(connection, tmp_path, key="b", rows=[missing("changes", 101)])
    assert events_of(connection, second.run_id) == [
        ("changes", "changed", "100", "101"),
        ("gone", "resolved", "399", None),
    ]
    third = publish(connection, tmp_path, key="c", rows=[missing("gone"), missing("changes", 101)])
    assert events_of(connection, third.run_id) == [("gone", "reopened", None, "399")]


def test_another_class_is_a_change(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    other = missing("a", **{"class": "amount_mismatch", "ledger_seq": 3, "ledger_amount_minor": 1})
    second = publish(connection, tmp_path, key="b", rows=[other])
    assert events_of(connection, second.run_id) == [("a", "changed", "399", "399")]


def test_an_incomplete_day_resolves_nothing_and_the_next_concluded_one_is_compared_with_the_last(
    connection, tmp_path
) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a"), missing("b")])
    short = publish(connection, tmp_path, key="b", rows=[], answer=conclusion([], reasons=("it came short",)))
    assert events_of(connection, short.run_id) == []
    third = publish(connection, tmp_path, key="c", rows=[missing("a")])
    assert events_of(connection, third.run_id) == [("b", "resolved", "399", None)]


@pytest.mark.parametrize(
    "statement", ["UPDATE discrepancy_events SET event = 'changed'", "DELETE FROM discrepancy_events"]
)
def test_events_are_never_changed_not_even_by_their_owner(connection, superuser, tmp_path, statement: str) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    publish(connection, tmp_path, key="b", rows=[])
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        superuser.execute(statement.encode())
