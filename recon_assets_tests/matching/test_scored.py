"""Passes without keys: matched with a clear margin, suggested otherwise, never guessed between equals."""

from pathlib import Path

from recon_assets.matching.rule_scores import Features, Scored
from recon_assets.matching.rule_values import AmountRule, Tolerance
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.matching.days import classes, match, pairs, rows, rows_of
from recon_assets_tests.matching.frames import Record

FEATURES = Features(amount_equal=50, amount_close=20, time_close=30, merchant_equal=20)


def scoring(
    *, tolerance_minor: int = 0, band_minor: int = 0, confirm_from: int = 80, margin: int = 10
) -> MatchingRules:
    """Amount 50, or 20 in the tolerance, 2 seconds 30, merchant 20; suggested from 40 on."""
    scored = Scored(
        features=FEATURES,
        amount_band_minor=band_minor,
        time_close_seconds=2,
        confirm_from=confirm_from,
        margin=margin,
        suggest_from=40,
    )
    amount = AmountRule(tolerance=Tolerance(minor=tolerance_minor))
    return MatchingRules(passes=(Pass(name="alike", scored=scored, amount=amount),))


def decisions(file: Path) -> dict[tuple[int, int], tuple[int, str]]:
    """Score and decision of every candidate that was not matched."""
    return {(row["processor_seq"], row["ledger_seq"]): (row["score"], row["decision"]) for row in rows_of(file)}


def test_the_best_of_both_with_a_clear_margin_is_a_match(tmp_path: Path) -> None:
    matching = match(
        tmp_path,
        [Record("a", second=0), Record("b", second=30)],
        [Record("y", second=31), Record("z", second=1)],
        scoring(),
    )

    assert pairs(matching) == {("alike", 0, 1), ("alike", 1, 0)}
    assert (matching.count_by_class, decisions(matching.candidates)) == ({}, {})


def test_below_the_confirming_score_it_is_suggested_and_stays_missing(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", merchant_id="M")], [Record("z", second=9, merchant_id="N")], scoring())

    assert decisions(matching.candidates) == {(0, 0): (50, "suggested")}
    assert classes(matching) == {"missing_in_ledger": 1, "missing_at_processor": 1}


def test_two_equally_good_candidates_are_ambiguous_and_the_third_record_with_them(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", second=5)], [Record("y", second=4), Record("z", second=6)], scoring())

    assert decisions(matching.candidates) == {(0, 0): (100, "tied"), (0, 1): (100, "tied")}
    assert {row["transaction_id"]: row["class"] for row in rows(matching)} == {
        "a": "ambiguous",
        "y": "missing_at_processor",
        "z": "missing_at_processor",
    }


def test_without_the_margin_the_better_one_is_only_suggested(tmp_path: Path) -> None:
    processor, ledger = [Record("a", second=5)], [Record("y", second=5), Record("z", second=6, merchant_id=None)]

    clear = match(tmp_path / "clear", processor, ledger, scoring(margin=20))
    close = match(tmp_path / "close", processor, ledger, scoring(margin=21))

    assert pairs(clear) == {("alike", 0, 0)}
    assert decisions(close.candidates) == {(0, 0): (100, "suggested"), (0, 1): (80, "suggested")}
    assert "ambiguous" not in classes(close)


def test_a_candidate_that_went_to_a_better_one_ties_nobody(tmp_path: Path) -> None:
    matching = match(
        tmp_path,
        [Record("a", second=5, merchant_id=None), Record("b", second=7)],
        [Record("y", second=7), Record("z", second=3, merchant_id=None)],
        scoring(),
    )

    assert pairs(matching) == {("alike", 1, 0)}
    assert classes(matching) == {"missing_in_ledger": 1, "missing_at_processor": 1}


def test_amounts_beyond_the_tolerance_are_suggested_at_most_and_beyond_the_band_never_seen(tmp_path: Path) -> None:
    rules = scoring(tolerance_minor=1, band_minor=5, confirm_from=70)

    matching = match(
        tmp_path,
        [Record("a", 1000, second=1), Record("b", -2000, second=20), Record("c", 3000, second=40)],
        [Record("x", 1001, second=1), Record("y", -2004, second=20), Record("z", 3006, second=40)],
        rules,
    )

    assert pairs(matching) == {("alike", 0, 0)}
    assert decisions(matching.candidates) == {(1, 1): (50, "suggested")}
    assert classes(matching)["matched_in_tolerance"] == 1


def test_amounts_above_what_a_float_can_tell_apart_are_seen_exactly(tmp_path: Path) -> None:
    large = 2**60 + 1

    matching = match(
        tmp_path,
        [Record("a", large)],
        [Record("z", large + 1)],
        scoring(tolerance_minor=1, band_minor=1, confirm_from=70),
    )

    assert [(row["class"], row["amount_minor"]) for row in rows(matching)] == [("matched_in_tolerance", -1)]


def test_candidates_of_another_currency_are_none(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", currency="USD")], [Record("z", currency="EUR")], scoring())

    assert (pairs(matching), decisions(matching.candidates)) == (set(), {})


def test_however_many_records_are_alike_each_looks_at_its_nearest_in_time(tmp_path: Path) -> None:
    processor = [Record(f"p{number}", second=number * 3 % 60, merchant_id=None) for number in range(200)]
    ledger = [Record(f"l{number}", second=number * 3 % 60, merchant_id=None) for number in range(200)]

    matching = match(tmp_path, processor, ledger, scoring())

    assert len(decisions(matching.candidates)) <= 2 * 16 * 200
    assert [proof.residual_minor for proof in matching.proofs] == [0]
