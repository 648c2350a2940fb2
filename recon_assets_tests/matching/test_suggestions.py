"""Passes whose differences are left: the key only suggests, and what it cannot decide is left for later passes."""

from pathlib import Path

import pytest

from recon_assets.matching.rule_values import AmountRule, KeyColumn, Normaliser, SideFilter, Tolerance, Values, Where
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.matching.days import classes, match, pairs, rows, rows_of
from recon_assets_tests.matching.frames import Record

REFERENCE = (KeyColumn.same("reference_number"),)
BY_REFERENCE = Pass(name="reference", keys=(REFERENCE,))
BY_ORDER = Pass(name="order", keys=((KeyColumn.same("order_id"),),))


def referring(name: str, amount_minor: int = 1000, **other: object) -> Record:
    return Record(name, amount_minor, reference_number="r", **other)


def test_another_amount_under_the_same_reference_is_another_movement(tmp_path: Path) -> None:
    matching = match(tmp_path, [referring("a", 1000)], [referring("z", 900)])

    assert classes(matching) == {"missing_in_ledger": 1, "missing_at_processor": 1}


def test_the_default_takes_the_reference_of_the_same_merchant_only(tmp_path: Path) -> None:
    matching = match(
        tmp_path,
        [referring("a", merchant_id="ACME"), referring("b", 500, merchant_id="ACME"), referring("c", merchant_id=None)],
        [
            referring("x", merchant_id="ACME"),
            referring("y", 500, merchant_id="OTHER"),
            referring("z", merchant_id=None),
        ],
    )

    assert pairs(matching) == {("reference", 0, 0)}
    assert classes(matching) == {"missing_in_ledger": 2, "missing_at_processor": 2}


def test_another_status_is_a_match_that_differs(tmp_path: Path) -> None:
    (row,) = rows(match(tmp_path, [referring("a")], [referring("z", status="pending")]))

    assert (row["class"], row["pass"], row["differs"]) == ("status_mismatch", "reference", "status")


def test_equally_good_candidates_are_ambiguous_on_both_sides_and_kept_for_people(tmp_path: Path) -> None:
    matching = match(tmp_path, [referring("a"), referring("b")], [referring("z")])

    assert classes(matching) == {"ambiguous": 3}
    assert {(row["pass"], row["decision"]) for row in rows_of(matching.candidates)} == {("reference", "tied")}
    assert [proof.residual_minor for proof in matching.proofs] == [0]


def test_a_tie_that_a_later_pass_resolves_is_no_tie(tmp_path: Path) -> None:
    rules = MatchingRules(passes=(BY_REFERENCE, BY_ORDER))

    matching = match(
        tmp_path,
        [referring("a", order_id="1"), referring("b", order_id="2")],
        [referring("y", order_id="2"), referring("z", order_id="1")],
        rules,
    )

    assert pairs(matching) == {("order", 0, 1), ("order", 1, 0)}
    assert matching.count_by_class == {}


def test_who_lost_all_its_candidates_to_a_later_pass_is_missing_not_ambiguous(tmp_path: Path) -> None:
    rules = MatchingRules(passes=(BY_REFERENCE, BY_ORDER))

    matching = match(tmp_path, [referring("a", order_id="1"), referring("b")], [referring("z", order_id="1")], rules)

    assert {row["transaction_id"]: row["class"] for row in rows(matching)} == {"b": "missing_in_ledger"}


def test_equal_amounts_come_before_amounts_within_the_tolerance(tmp_path: Path) -> None:
    near = BY_REFERENCE.model_copy(update={"amount": AmountRule(tolerance=Tolerance(minor=5))})

    matching = match(
        tmp_path,
        [referring("a", 1000), referring("b", 1004)],
        [referring("y", 1001), referring("z", 1004)],
        MatchingRules(passes=(near,)),
    )

    assert pairs(matching) == {("reference", 0, 0), ("reference", 1, 1)}
    assert [(row["class"], row["amount_minor"]) for row in rows(matching)] == [("matched_in_tolerance", -1)]


def test_a_chain_of_candidates_within_the_tolerance_is_a_tie_for_all_of_it(tmp_path: Path) -> None:
    near = BY_REFERENCE.model_copy(update={"amount": AmountRule(tolerance=Tolerance(minor=5))})

    matching = match(
        tmp_path, [referring("a", 1000), referring("b", 1008)], [referring("z", 1004)], MatchingRules(passes=(near,))
    )

    assert classes(matching) == {"ambiguous": 3}


@pytest.mark.parametrize(
    ("normalise", "ours", "theirs"),
    [
        (["trim"], " r1 ", "r1"),
        (["upper"], "ab-1", "AB-1"),
        (["lower"], "AB-1", "ab-1"),
        (["digits"], "INV 00-17", "0017"),
        (["strip_leading_zeros"], "0017", "17"),
        ([{"strip_prefix": "PP-"}], "PP-17", "17"),
        ([{"strip_suffix": "-x"}], "17-x", "17"),
        ([{"strip_prefix": "PP-"}, "trim", "strip_leading_zeros"], "PP- 017", "17"),
    ],
)
def test_keys_are_cleaned_before_they_are_compared(
    tmp_path: Path, normalise: list[object], ours: str, theirs: str
) -> None:
    steps = tuple(Normaliser.model_validate(step) for step in normalise)
    key = (KeyColumn(processor="reference_number", ledger="transaction_id", normalise=steps),)
    rules = MatchingRules(passes=(Pass(name="cleaned", keys=(key,)),))

    matching = match(tmp_path, [Record("a", reference_number=ours)], [Record(theirs)], rules)

    assert matching.matched_by_pass["cleaned"].matches == 1


def test_a_key_that_is_empty_after_cleaning_is_no_key(tmp_path: Path) -> None:
    key = (KeyColumn(processor="reference_number", ledger="reference_number", normalise=(Normaliser(step="digits"),)),)
    rules = MatchingRules(passes=(Pass(name="cleaned", keys=(key,)),))

    matching = match(tmp_path, [referring("a")], [referring("z")], rules)

    assert classes(matching) == {"missing_in_ledger": 1, "missing_at_processor": 1}


def test_a_filter_holds_for_its_side_alone_and_what_it_leaves_out_is_left_for_later(tmp_path: Path) -> None:
    payments = Where(processor=SideFilter(movement=Values(is_in=("payment",))))
    first = BY_REFERENCE.model_copy(update={"name": "payments", "where": payments})

    matching = match(
        tmp_path,
        [referring("a", movement="payment"), referring("b", 500, movement="refund"), referring("c", 400)],
        [referring("x"), referring("y", 500), referring("z", 400)],
        MatchingRules(passes=(first, BY_REFERENCE)),
    )

    assert pairs(matching) == {("payments", 0, 0), ("reference", 1, 1), ("reference", 2, 2)}
    assert matching.count_by_class == {}
