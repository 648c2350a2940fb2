"""Passes whose differences are reported: what shares the key belongs together, and every disagreement has its class."""

from collections import Counter
from pathlib import Path

import pytest

from recon_assets.matching.rule_values import AmountRule, KeyColumn, Tolerance
from recon_assets.matching.rules import DEFAULT_PASSES, MatchingRules, Pass
from recon_assets_tests.matching.days import classes, match, matched_by_first, pairs, rows
from recon_assets_tests.matching.frames import Record


def tolerating(**tolerance: object) -> MatchingRules:
    """The default, with a tolerance in its first pass."""
    first = DEFAULT_PASSES[0].model_copy(update={"amount": AmountRule(tolerance=Tolerance(**tolerance))})
    return MatchingRules(passes=(first, DEFAULT_PASSES[1]))


@pytest.mark.parametrize(
    ("processor", "ledger", "expected", "signed"),
    [
        ([Record("a", 99)], [], "missing_in_ledger", 99),
        ([], [Record("a", 99)], "missing_at_processor", -99),
        ([Record("a", 1000)], [Record("a", 999)], "amount_mismatch", 1),
        ([Record("a", -1000)], [Record("a", 1000)], "amount_mismatch", -2000),
        ([Record("a")], [Record("a", status="pending")], "status_mismatch", 0),
        ([Record("a"), Record("a", second=5)], [Record("a")], "duplicate_at_processor", 1000),
        ([Record("a")], [Record("a"), Record("a", second=5)], "duplicate_in_ledger", -1000),
    ],
)
def test_each_class_is_named_and_priced(
    tmp_path: Path, processor: list[Record], ledger: list[Record], expected: str, signed: int
) -> None:
    matching = match(tmp_path, processor, ledger)

    assert classes(matching) == {expected: 1}
    assert [row["amount_minor"] for row in rows(matching)] == [signed]
    assert [proof.residual_minor for proof in matching.proofs] == [0]


def test_a_currency_mismatch_is_proven_in_both_currencies(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000, "USD")], [Record("a", 1000, "EUR")])

    assert classes(matching) == {"currency_mismatch": 1}
    assert [(p.currency, p.signed_discrepancies_minor, p.residual_minor) for p in matching.proofs] == [
        ("EUR", -1000, 0),
        ("USD", 1000, 0),
    ]


def test_currency_counts_before_amount_before_status_and_all_are_told(tmp_path: Path) -> None:
    matching = match(
        tmp_path,
        [Record("a", 1, "USD", "completed"), Record("b", 1, "USD", "completed", fee_minor=1)],
        [Record("a", 2, "EUR", "pending"), Record("b", 2, "USD", "pending", fee_minor=2)],
    )

    assert {row["transaction_id"]: (row["class"], row["differs"]) for row in rows(matching)} == {
        "a": ("currency_mismatch", "currency,status"),
        "b": ("amount_mismatch", "amount,status,fee"),
    }


def test_one_id_used_twice_on_both_sides_is_two_matches_in_any_order(tmp_path: Path) -> None:
    sale, refund = Record("a", 19990, second=1), Record("a", -19990, second=2)

    matching = match(tmp_path, [sale, refund], [refund, sale])

    assert (matching.matched_by_pass, matching.count_by_class) == (matched_by_first(2), {})


def test_records_alike_in_everything_are_interchangeable_and_no_tie(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", second=2), Record("a", second=1)], [Record("a", second=9), Record("a")])

    assert (matching.matched_by_pass, matching.count_by_class) == (matched_by_first(2), {})
    assert pairs(matching) == {("transaction_id", 1, 1), ("transaction_id", 0, 0)}


def test_a_second_record_of_an_id_with_another_amount_is_a_duplicate_not_a_mismatch(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000), Record("a", 700, second=1)], [Record("a", 1000)])

    (row,) = rows(matching)
    assert (row["class"], row["amount_minor"], row["processor_record_number"]) == ("duplicate_at_processor", 700, 2)


@pytest.mark.parametrize(("side", "missing"), [("processor", "missing_in_ledger"), ("ledger", "missing_at_processor")])
def test_an_id_twice_on_one_side_and_never_on_the_other_is_missing_once_and_duplicate_once(
    tmp_path: Path, side: str, missing: str
) -> None:
    twice = [Record("a", second=1), Record("a", second=0)]

    matching = match(tmp_path, *((twice, []) if side == "processor" else ([], twice)))

    duplicate = "duplicate_at_processor" if side == "processor" else "duplicate_in_ledger"
    assert {row["class"]: row[f"{side}_seq"] for row in rows(matching)} == {missing: 1, duplicate: 0}


def test_which_of_several_records_belongs_to_which_is_never_guessed(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000), Record("a", 700)], [Record("a", 900)])

    assert Counter((row["class"], row["side"], row["amount_minor"]) for row in rows(matching)) == {
        ("ambiguous", "processor", 1000): 1,
        ("ambiguous", "processor", 700): 1,
        ("ambiguous", "ledger", -900): 1,
    }
    assert matching.matched_by_pass == matched_by_first(0)
    assert [proof.residual_minor for proof in matching.proofs] == [0]


def test_equal_amounts_belong_together_though_another_record_has_the_same_status(tmp_path: Path) -> None:
    matching = match(
        tmp_path, [Record("a", 1000), Record("a", 700)], [Record("a", 1000, status="pending"), Record("a", 800)]
    )

    assert classes(matching) == {"status_mismatch": 1, "amount_mismatch": 1}
    assert pairs(matching) == {("transaction_id", 0, 0), ("transaction_id", 1, 1)}


@pytest.mark.parametrize(("tolerance_minor", "flagged"), [(1, 0), (0, 10_000)])
def test_ten_thousand_pairs_that_differ_by_one_minor_unit_are_all_within_or_all_beyond(
    tmp_path: Path, tolerance_minor: int, flagged: int
) -> None:
    processor = [Record(str(number), 1000 + number) for number in range(10_000)]
    ledger = [Record(str(number), 1000 + number + (1 if number % 2 else -1)) for number in range(10_000)]

    matching = match(tmp_path, processor, ledger, tolerating(minor=tolerance_minor))

    kind = "amount_mismatch" if flagged else "matched_in_tolerance"
    assert classes(matching) == {kind: 10_000}
    assert [(p.discrepancy_count, p.residual_minor) for p in matching.proofs] == [(flagged, 0)]


@pytest.mark.parametrize(
    ("tolerance", "within"),
    [
        ({"minor": 10}, {"a": True, "b": True}),
        ({"basis_points": 100}, {"a": False, "b": True}),
        ({"basis_points": 100, "base": "larger"}, {"a": True, "b": True}),
        ({"basis_points": 100, "base": "smaller"}, {"a": False, "b": False}),
        ({"minor": 10, "direction": "processor_more"}, {"a": False, "b": True}),
        ({"minor": 10, "direction": "ledger_more"}, {"a": True, "b": False}),
    ],
)
def test_a_tolerance_has_a_base_and_a_direction(
    tmp_path: Path, tolerance: dict[str, object], within: dict[str, bool]
) -> None:
    matching = match(
        tmp_path, [Record("a", 990), Record("b", 1000)], [Record("a", 1000), Record("b", 990)], tolerating(**tolerance)
    )

    assert {row["transaction_id"]: row["class"] == "matched_in_tolerance" for row in rows(matching)} == within


def test_two_records_within_the_tolerance_of_one_are_ambiguous(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1001), Record("a", 999)], [Record("a", 1000)], tolerating(minor=5))

    assert classes(matching) == {"ambiguous": 3}


def test_the_first_of_an_id_without_counterpart_is_left_for_later_passes_its_duplicate_is_not(tmp_path: Path) -> None:
    twice = [Record("a", reference_number="r"), Record("a", second=1, reference_number="r")]

    matching = match(tmp_path, twice, [Record("z", reference_number="r")])

    assert classes(matching) == {"duplicate_at_processor": 1}
    assert pairs(matching) == {("reference", 0, 0)}


def test_a_key_alternative_is_tried_on_what_the_one_before_it_left(tmp_path: Path) -> None:
    ids, orders = (KeyColumn.same("transaction_id"),), (KeyColumn(processor="order_id", ledger="reference_number"),)
    rules = MatchingRules(passes=(Pass(name="known", keys=(ids, orders), differs="report"),))

    matching = match(
        tmp_path,
        [Record("a"), Record("b", order_id="o")],
        [Record("a", reference_number="o"), Record("z", 900, reference_number="o")],
        rules,
    )

    assert pairs(matching) == {("known", 1, 1)}
    assert classes(matching) == {"amount_mismatch": 1}
    assert matching.matched_by_pass["known"].matches == 2
