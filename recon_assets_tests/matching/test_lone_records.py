"""Records that stay alone: pending until they are due, missing afterwards; and what was restated since."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from recon_assets.matching.rule_values import DayCount, Grace
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.days import DAY, classes, match, rows
from recon_assets_tests.matching.frames import Record

THREE_DAYS = MatchingRules(grace=Grace(ledger=DayCount(days=3), processor=DayCount(days=1)))


@pytest.mark.parametrize(
    ("days_later", "in_ledger", "at_processor"),
    [
        (None, "pending_in_ledger", "pending_at_processor"),
        (0, "pending_in_ledger", "pending_at_processor"),
        (1, "pending_in_ledger", "missing_at_processor"),
        (2, "pending_in_ledger", "missing_at_processor"),
        (3, "missing_in_ledger", "missing_at_processor"),
    ],
)
def test_a_lone_record_is_pending_until_the_newest_date_reaches_its_due_date(
    tmp_path: Path, days_later: int | None, in_ledger: str, at_processor: str
) -> None:
    newest = None if days_later is None else DAY + timedelta(days=days_later)

    matching = match(tmp_path, [Record("a")], [Record("z")], THREE_DAYS, newest_date=newest)

    assert {row["transaction_id"]: (row["class"], row["due_on"]) for row in rows(matching)} == {
        "a": (in_ledger, DAY + timedelta(days=3)),
        "z": (at_processor, DAY + timedelta(days=1)),
    }


def test_an_older_newest_date_makes_nothing_due_earlier(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a")], [], THREE_DAYS, newest_date=DAY - timedelta(days=9))

    assert classes(matching) == {"pending_in_ledger": 1}


def test_without_grace_a_record_is_missing_at_once_and_was_never_due(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a")], [Record("z")])

    assert [(row["class"], row["due_on"]) for row in rows(matching)] == [
        ("missing_at_processor", None),
        ("missing_in_ledger", None),
    ]


def test_grace_in_business_days_leaves_out_weekends_and_holidays(tmp_path: Path) -> None:
    rules = MatchingRules(grace=Grace(ledger=DayCount(days=3, count="business")), holidays=(date(2025, 10, 1),))

    (row,) = rows(match(tmp_path, [Record("a")], [], rules))

    assert (row["class"], row["due_on"]) == ("pending_in_ledger", date(2025, 10, 6))


def test_what_waits_is_priced_in_the_proof_apart_from_discrepancies(tmp_path: Path) -> None:
    (proof,) = match(tmp_path, [Record("a", 700)], [], THREE_DAYS).proofs

    assert (proof.pending_count, proof.pending_amount_minor) == (1, 700)
    assert (proof.discrepancy_count, proof.discrepancy_amount_minor, proof.residual_minor) == (0, 0, 0)


def test_duplicates_and_ties_do_not_wait(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a"), Record("a"), Record("b", 1), Record("b", 2)], [Record("b", 3)], THREE_DAYS)

    assert classes(matching) == {"pending_in_ledger": 1, "duplicate_at_processor": 1, "ambiguous": 3}


BEFORE = [Record("a", fee_minor=5), Record("b"), Record("c"), Record("d"), Record("e"), Record("e", 500, second=9)]


def test_each_transaction_that_changed_since_the_answer_before_is_told_beside_the_comparison(tmp_path: Path) -> None:
    now = [
        replace(BEFORE[0], fee_minor=None),
        replace(BEFORE[1], amount_minor=1, status="reversed"),
        replace(BEFORE[2], currency="EUR"),
        *BEFORE[4:],
        Record("new"),
    ]

    matching = match(tmp_path, now, now, concluded=BEFORE)

    assert {row["transaction_id"]: row["differs"] for row in rows(matching)} == {
        "a": "fee",
        "b": "amount,status",
        "c": "currency",
        "d": "gone",
    }
    assert classes(matching) == {"restated": 4}
    assert {row["amount_minor"] for row in rows(matching)} == {0}


def test_records_of_one_id_are_compared_with_their_own_earlier_selves(tmp_path: Path) -> None:
    now = [*BEFORE[:5], replace(BEFORE[5], amount_minor=501)]

    (row,) = rows(match(tmp_path, now, now, concluded=BEFORE))

    assert (row["class"], row["occurrence"], row["processor_amount_minor"]) == ("restated", 2, 500)


def test_what_was_restated_of_records_with_one_transaction_id_stands_in_one_order(tmp_path: Path) -> None:
    """One that is gone and one that changed may have the same number in their files: the order must not be chance."""
    before = [Record("a", 500, record_id=f"entry-{number}") for number in range(40)]
    now = [Record("a", 400, record_id=f"entry-{number}") for number in range(20, 40)]

    found = rows(match(tmp_path, now, [], concluded=before))

    restated = [(row["processor_seq"], row["discrepancy_id"]) for row in found if row["class"] == "restated"]
    assert len({seq for seq, _ in restated}) == 20, "two of each number"
    assert len(restated) == 40
    assert restated == sorted(restated)


def test_records_of_one_id_and_instant_may_come_in_another_order(tmp_path: Path) -> None:
    before = [Record("a", 500), Record("a", 700), Record("a", 600)]

    now = [before[number] for number in (2, 0, 1)]

    assert rows(match(tmp_path, now, before, concluded=before)) == []


def test_the_feeds_own_id_tells_which_record_is_which(tmp_path: Path) -> None:
    before = [Record("a", record_id="1", second=1), Record("a", 500, record_id="2", second=2)]
    now = [replace(before[0], second=3), before[1]]

    assert rows(match(tmp_path, now, now, concluded=before)) == []


def test_rules_may_say_that_nobody_wants_to_know(tmp_path: Path) -> None:
    assert rows(match(tmp_path, [], [], MatchingRules(restated=False), concluded=BEFORE)) == []
