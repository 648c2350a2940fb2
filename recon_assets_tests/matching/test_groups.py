"""One record against the sum of several, by a column that says which belong together. Never by trying subsets."""

from pathlib import Path

import pytest

from recon_assets.domain.conclusion import PassMatches
from recon_assets.matching.rule_values import KeyColumn
from recon_assets.matching.rules import Cardinality, MatchingRules, Pass
from recon_assets_tests.matching.days import classes, match, rows
from recon_assets_tests.matching.frames import Record

NOTHING = PassMatches.of_pairs(0)


def by_payout(cardinality: Cardinality = "one_to_many") -> MatchingRules:
    """One payout of the processor against the orders in the ledger that it paid, or the reverse."""
    return MatchingRules(
        passes=(
            Pass(
                name="payouts",
                keys=((KeyColumn.same("merchant_id"),),),
                cardinality=cardinality,
                group_by="payout_id",
            ),
        )
    )


def part(name: str, amount_minor: int, payout: str | None = "p", **other: object) -> Record:
    return Record(name, amount_minor, payout_id=payout, **other)


def test_one_transaction_matches_the_sum_of_several_ledger_entries_exactly(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("t", 1000)], [part("x", 1300), part("y", -300), part("z", 5, "q")], by_payout())

    assert matching.matched_by_pass == {"payouts": PassMatches(matches=1, processor_records=1, ledger_records=2)}
    assert [(row["class"], row["transaction_id"]) for row in rows(matching)] == [("missing_at_processor", "z")]
    assert [proof.residual_minor for proof in matching.proofs] == [0]


def test_several_transactions_match_one_ledger_entry_the_other_way_round(tmp_path: Path) -> None:
    matching = match(tmp_path, [part("x", 600), part("y", 400)], [Record("t", 1000)], by_payout("many_to_one"))

    assert matching.matched_by_pass == {"payouts": PassMatches(matches=1, processor_records=2, ledger_records=1)}
    assert matching.count_by_class == {}


@pytest.mark.parametrize(
    "ledger",
    [
        [part("x", 600), part("y", 399)],  # one minor unit short
        [part("x", 600), part("y", 400), part("z", 1)],  # a subset would do, and is not tried
        [part("x", 600, "p"), part("y", 400, "q")],  # of two payouts
        [part("x", 600), part("y", 400, currency="EUR")],  # of two currencies
        [part("x", 600, None), part("y", 400, None)],  # of no payout
        [part("x", 600, merchant_id="OTHER"), part("y", 400, merchant_id="OTHER")],
    ],
)
def test_what_is_not_one_exact_sum_does_not_match(tmp_path: Path, ledger: list[Record]) -> None:
    matching = match(tmp_path, [Record("t", 1000)], ledger, by_payout())

    assert matching.matched_by_pass == {"payouts": NOTHING}
    assert classes(matching) == {"missing_in_ledger": 1, "missing_at_processor": len(ledger)}


def test_two_equal_sums_are_refused(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("t", 1000)], [part("x", 1000, "p"), part("y", 1000, "q")], by_payout())

    assert matching.matched_by_pass == {"payouts": NOTHING}


def test_two_single_records_for_one_sum_are_refused(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("t", 1000), Record("u", 1000)], [part("x", 600), part("y", 400)], by_payout())

    assert matching.matched_by_pass == {"payouts": NOTHING}


def test_an_event_that_no_rule_knows_is_told_within_a_group_too(tmp_path: Path) -> None:
    several = [part("x", 600, movement="unclassified"), part("y", 400, movement="payment")]

    matching = match(tmp_path, several, [Record("t", 1000)], by_payout("many_to_one"))

    assert [(row["class"], row["transaction_id"], row["amount_minor"]) for row in rows(matching)] == [
        ("unclassified", "x", 0)
    ]
