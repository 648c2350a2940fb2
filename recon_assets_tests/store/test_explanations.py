"""What the record says when it is asked why: the answers that stand, and the life of single discrepancies."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from recon_assets.store.explanations import current_answers, life_of_records
from recon_assets.store.publication import PublishedRun
from recon_assets_tests.store.builders import (
    DAY,
    RULES,
    across,
    conclusion,
    in_ledger,
    matched_with,
    missing,
    pair,
    publish,
)

NEXT = DAY + timedelta(days=1)
X, Y = missing("x"), in_ledger("x")
EVIDENCE = {"transactions": "stripe/t.parquet", "matching": "stripe/m"}


@pytest.fixture
def answer(connection, tmp_path: Path):
    attempts = iter(range(100))

    def give(day: date, rows, *, pairs=(), reasons=(), evidence=None, processor="stripe") -> PublishedRun:
        return publish(
            connection,
            tmp_path,
            key=str(next(attempts)),
            rows=rows,
            answer=conclusion(rows, day=day, reasons=reasons, processor=processor),
            across_days=None if reasons else across(tmp_path, pairs),
            evidence=evidence,
            inputs=f"{next(attempts)}",
        )

    return give


def test_answers_that_stand_come_newest_first_with_their_evidence(connection, answer) -> None:
    answer(DAY, [X])
    stands = answer(DAY, [], evidence=EVIDENCE)
    answer(NEXT, [X], reasons=("short",))
    answer(NEXT, [], processor="paypal")

    newest, older = current_answers(connection, "stripe", limit=10)

    assert (newest.business_date, newest.verdict, newest.incomplete_reasons) == (NEXT, "incomplete", ["short"])
    assert (newest.evidence, newest.discrepancy_count) == ({}, 1)
    assert (older.run_id, older.version, older.verdict, older.rule_version, older.evidence) == (
        stands.run_id,
        2,
        "reconciled",
        RULES,
        EVIDENCE,
    )
    assert current_answers(connection, "stripe", limit=1) == (newest,)
    assert current_answers(connection, "stripe", limit=10, since=DAY, until=DAY) == (older,)
    assert current_answers(connection, "square", limit=10) == ()


def test_the_life_of_a_discrepancy_is_its_appearances_what_answers_did_to_it_and_its_match(connection, answer) -> None:
    answer(DAY, [X, missing("other")])
    answer(NEXT, [matched_with(Y, DAY)], pairs=[pair(X, DAY, Y, NEXT)])

    life = life_of_records(connection, "stripe", DAY, [str(X["discrepancy_id"])])

    (seen,) = life.appearances
    assert (seen.version, seen.kind, seen.amount_minor, seen.exponent, seen.is_current) == (
        1,
        "missing_in_ledger",
        399,
        2,
        True,
    )
    (event,) = life.events
    assert (event.event, event.by_answer_of, event.by_version) == ("resolved", NEXT, 1)
    assert (event.old_value or {})["class"] == "missing_in_ledger"
    (match,) = life.matches
    assert (match.processor_date, match.ledger_date, match.pass_name, match.rule_version) == (
        DAY,
        NEXT,
        "reference",
        RULES,
    )
    assert life_of_records(connection, "stripe", NEXT, [str(Y["discrepancy_id"])]).matches == (match,)
    assert life_of_records(connection, "paypal", DAY, [str(X["discrepancy_id"])]).appearances == ()


def test_a_match_that_ended_is_told_by_its_event_alone(connection, answer) -> None:
    answer(DAY, [X])
    answer(NEXT, [matched_with(Y, DAY)], pairs=[pair(X, DAY, Y, NEXT)])
    answer(NEXT, [])

    life = life_of_records(connection, "stripe", DAY, [str(X["discrepancy_id"])])

    assert [event.event for event in life.events] == ["resolved", "reopened"]
    assert life.matches == ()


def test_nothing_is_known_of_no_discrepancies(connection, answer) -> None:
    answer(DAY, [X])
    nothing = life_of_records(connection, "stripe", DAY, [])

    assert (nothing.appearances, nothing.events, nothing.matches) == ((), (), ())
