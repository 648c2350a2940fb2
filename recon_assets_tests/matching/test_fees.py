"""Fees: against the ledger's own statement, else against the configured schedule; and events that no rule knows."""

from pathlib import Path

import pytest

from recon_assets.matching.rule_values import FeeSchedule
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.days import classes, match, matched_by_first, rows
from recon_assets_tests.matching.frames import Record

SCHEDULE = MatchingRules(fees=FeeSchedule(basis_points=290, fixed_minor={"USD": 30}, tolerance_minor=1))
"""2.9 % and 0.30: of 10.00 USD that is 0.59."""


@pytest.mark.parametrize("rules", [MatchingRules(), SCHEDULE])
def test_the_ledgers_own_fee_counts_and_to_the_unit(tmp_path: Path, rules: MatchingRules) -> None:
    matching = match(
        tmp_path,
        [Record("a", fee_minor=59), Record("b", fee_minor=59), Record("c", fee_minor=500), Record("d")],
        [Record("a", fee_minor=59), Record("b", fee_minor=60), Record("c", fee_minor=500), Record("d", fee_minor=7)],
        rules,
    )

    (row,) = rows(matching)
    assert (row["transaction_id"], row["class"], row["differs"]) == ("b", "fee_mismatch", "fee")
    assert (row["fee_difference_minor"], row["amount_minor"]) == (-1, 0)
    assert matching.matched_by_pass == matched_by_first(3)


def test_a_fee_that_only_one_side_states_is_not_compared_without_a_schedule(tmp_path: Path) -> None:
    matching = match(
        tmp_path, [Record("a", fee_minor=59), Record("b", fee_minor=1)], [Record("a"), Record("b", fee_minor=1)]
    )

    assert matching.count_by_class == {}


@pytest.mark.parametrize(
    ("transaction", "difference"),
    [
        (Record("a", fee_minor=59), None),
        (Record("a", fee_minor=60), None),  # within the tolerance
        (Record("a", fee_minor=61), 2),
        (Record("a", fee_minor=57), -2),
        (Record("a", fee_minor=None), None),  # not said is not zero
        (Record("a", fee_minor=0), -59),
        (Record("a", fee_minor=61, currency="EUR"), None),  # no schedule for it
        (Record("a", fee_minor=61, movement="payment"), 2),
        (Record("a", fee_minor=0, movement="payout"), None),  # the schedule is for payments
        (Record("a", -1000, fee_minor=0), None),
        (Record("a", 500, fee_minor=46), None),  # 14.5 is 15, with 30 it is 45
        (Record("a", 500, fee_minor=43), -2),
    ],
)
def test_the_schedule_says_what_a_payment_should_cost(
    tmp_path: Path, transaction: Record, difference: int | None
) -> None:
    entry = Record("a", transaction.amount_minor, transaction.currency)

    matching = match(tmp_path, [transaction], [entry], SCHEDULE)

    assert [(row["class"], row["fee_difference_minor"]) for row in rows(matching)] == (
        [] if difference is None else [("fee_mismatch", difference)]
    )


def test_a_fee_that_differs_beside_the_amount_is_told_and_the_class_is_the_amounts(tmp_path: Path) -> None:
    (row,) = rows(match(tmp_path, [Record("a", fee_minor=59)], [Record("a", 900, fee_minor=56)]))

    assert (row["class"], row["differs"], row["fee_difference_minor"]) == ("amount_mismatch", "amount,fee", 3)


def test_fees_of_two_currencies_are_not_compared(tmp_path: Path) -> None:
    (row,) = rows(match(tmp_path, [Record("a", fee_minor=1)], [Record("a", fee_minor=2, currency="EUR")]))

    assert (row["class"], row["differs"], row["fee_difference_minor"]) == ("currency_mismatch", "currency", None)


def test_an_event_that_no_rule_knows_is_a_row_although_it_matches(tmp_path: Path) -> None:
    unknown = [Record("a", movement="unclassified"), Record("b", movement="unclassified", status="pending")]

    matching = match(tmp_path, unknown, [Record("a"), Record("b")])

    assert classes(matching) == {"status_mismatch": 1, "unclassified": 1}
    assert matching.matched_by_pass == matched_by_first(2)
