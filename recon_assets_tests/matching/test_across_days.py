"""Open records of different days by hand: windows and their direction, ties, rivals that come late."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from recon_assets.matching.rule_values import DateWindow, DayCount, Grace, KeyColumn
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.matching.chain_store import Store
from recon_assets_tests.matching.days import DAY, classes, rows
from recon_assets_tests.matching.frames import Record

IDS = (KeyColumn.same("transaction_id"),)
A_DAY_EITHER_WAY = MatchingRules(
    passes=(Pass(name="ids", keys=(IDS,), dates=DateWindow(days_before=1, days_after=1), differs="report"),)
)
A = [Record("a")]


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def run(store: Store, *sides: tuple[int, str, list[Record]]) -> None:
    """Run days that have records on one side only."""
    for number, side, records in sides:
        store.run(day(number), (records, []) if side == "processor" else ([], records))


def live(store: Store) -> set[tuple[int, int]]:
    """Days of the transaction and of the ledger entry of every match across days, counted from the first."""
    return {((m.processor_date - DAY).days, (m.ledger_date - DAY).days) for m in store.across_days}


@pytest.mark.parametrize(("days_later", "matches"), [(-2, False), (-1, True), (1, True), (7, True), (8, False)])
def test_by_default_the_ledger_may_book_a_day_before_and_seven_days_after(
    tmp_path: Path, days_later: int, matches: bool
) -> None:
    store = Store(tmp_path, MatchingRules())

    run(store, (0, "processor", A), (days_later, "ledger", A))

    assert live(store) == ({(0, days_later)} if matches else set())


def test_both_days_tell_the_other_day_and_the_first_one_when_it_is_run_again(tmp_path: Path) -> None:
    rules = MatchingRules(grace=Grace(ledger=DayCount(days=5)))
    store = Store(tmp_path, rules)

    early = store.run(day(0), (A, []))
    late = store.run(day(3), ([], A))
    again = store.run(day(0), (A, []))

    assert classes(early) == {"pending_in_ledger": 1}
    told = [
        (row["class"], row["pass"], row["counterpart_date"], row["amount_minor"]) for row in rows(late) + rows(again)
    ]
    assert told == [
        ("matched_prior_day", "transaction_id", day(0), -1000),
        ("matched_prior_day", "transaction_id", day(3), 1000),
    ]
    assert [proof.residual_minor for proof in (*late.proofs, *again.proofs)] == [0, 0]


@pytest.mark.parametrize(
    "other", [Record("a", 999), Record("a", currency="EUR"), Record("a", status="pending"), Record("b")]
)
def test_across_days_only_records_alike_match(tmp_path: Path, other: Record) -> None:
    store = Store(tmp_path, MatchingRules())

    run(store, (0, "processor", A), (1, "ledger", [other]))

    assert live(store) == set()


def test_a_rival_that_comes_late_undoes_a_match_of_other_days(tmp_path: Path) -> None:
    store = Store(tmp_path, A_DAY_EITHER_WAY)

    run(store, (1, "processor", A), (2, "ledger", A))
    assert live(store) == {(1, 2)}

    run(store, (0, "ledger", A))
    assert live(store) == set()


def test_a_day_says_nothing_of_matches_whose_rivals_it_may_not_see(tmp_path: Path) -> None:
    store = Store(tmp_path, A_DAY_EITHER_WAY)

    run(store, (1, "ledger", A), (2, "processor", A), (3, "ledger", A))
    assert live(store) == set()

    run(store, (0, "processor", [Record("b")]))
    assert live(store) == set()


def test_the_earlier_pass_wins_over_a_rival_by_a_later_one(tmp_path: Path) -> None:
    window = DateWindow(days_before=3, days_after=3)
    by_reference = Pass(name="reference", keys=((KeyColumn.same("reference_number"),),), dates=window)
    store = Store(tmp_path, MatchingRules(passes=(Pass(name="ids", keys=(IDS,), dates=window), by_reference)))
    both = [Record("a", reference_number="r")]

    run(store, (0, "processor", both), (1, "ledger", [Record("z", reference_number="r")]), (2, "ledger", both))

    assert {(m.ledger_date, m.rule) for m in store.across_days} == {(day(2), "ids")}


def test_a_pass_without_a_window_does_not_reach_across_days(tmp_path: Path) -> None:
    store = Store(tmp_path, MatchingRules(passes=(Pass(name="ids", keys=(IDS,)),)))

    run(store, (0, "processor", A), (1, "ledger", A))

    assert live(store) == set()


def test_ties_and_duplicates_of_a_day_are_not_open_for_others(tmp_path: Path) -> None:
    store = Store(tmp_path, MatchingRules())

    store.run(day(0), ([Record("a"), Record("a"), Record("b", 1), Record("b", 2)], [Record("b", 3)]))
    matching = store.run(day(1), ([], [Record("a"), Record("b", 1)]))

    assert live(store) == {(0, 1)}
    assert classes(matching) == {"matched_prior_day": 1, "missing_at_processor": 1}


def test_a_day_without_conclusion_lets_go_of_what_matched_with_it_and_of_its_rivals(tmp_path: Path) -> None:
    store = Store(tmp_path, A_DAY_EITHER_WAY)
    run(store, (0, "ledger", A), (1, "processor", A), (2, "ledger", A))
    assert live(store) == set()

    matching = store.run(day(0), ([], A), complete=False)

    assert matching.open_records is None
    assert live(store) == {(1, 2)}
