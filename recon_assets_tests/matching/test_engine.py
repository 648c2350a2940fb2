"""The stages against small days by hand, and against a dictionary oracle on thousands of random ones."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.domain.conclusion import PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.errors import LimitExceeded
from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.frames import Record, write_frame_file


def match(
    folder: Path, processor: list[Record], ledger: list[Record], rules: MatchingRules | None = None, **other: object
) -> Matching:
    day = Day(
        processor="stripe",
        business_date=date(2025, 9, 30),
        transactions=write_frame_file(folder / "transactions.parquet", processor),
        ledger_entries=write_frame_file(folder / "ledger_entries.parquet", ledger),
    )
    return match_day(replace(day, **other), rules or MatchingRules(), into=folder / "matched")


def matched(pairs: int) -> dict[str, PassMatches]:
    """All of them by the first pass."""
    return {"transaction_id": PassMatches.of_pairs(pairs), "reference": PassMatches.of_pairs(0)}


def rows(matching: Matching) -> list[dict]:
    with duckdb.connect() as connection:
        return connection.sql(f"SELECT * FROM read_parquet('{matching.discrepancies}')").to_arrow_table().to_pylist()


def test_equal_sides_match_and_leave_no_discrepancy(tmp_path: Path) -> None:
    day = [Record("a"), Record("b", -5), Record("c", currency="JPY")]

    matching = match(tmp_path, day, list(reversed(day)))

    assert matching.matched_by_pass == matched(3)
    assert matching.count_by_class == {}
    assert [proof.residual_minor for proof in matching.proofs] == [0, 0]
    assert not (tmp_path / "matched" / "spill").exists()


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

    assert matching.count_by_class == {DiscrepancyClass(expected): 1}
    assert [row["amount_minor"] for row in rows(matching)] == [signed]
    assert [proof.residual_minor for proof in matching.proofs] == [0]


def test_a_currency_mismatch_is_proven_in_both_currencies(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000, "USD")], [Record("a", 1000, "EUR")])

    assert matching.count_by_class == {DiscrepancyClass.CURRENCY_MISMATCH: 1}
    assert [(p.currency, p.signed_discrepancies_minor, p.residual_minor) for p in matching.proofs] == [
        ("EUR", -1000, 0),
        ("USD", 1000, 0),
    ]


def test_currency_counts_before_amount_before_status(tmp_path: Path) -> None:
    matching = match(
        tmp_path,
        [Record("a", 1, "USD", "completed"), Record("b", 1, "USD", "completed")],
        [Record("a", 2, "EUR", "pending"), Record("b", 2, "USD", "pending")],
    )

    assert {row["transaction_id"]: row["class"] for row in rows(matching)} == {
        "a": "currency_mismatch",
        "b": "amount_mismatch",
    }


def test_one_id_used_twice_on_both_sides_is_two_matches_in_any_order(tmp_path: Path) -> None:
    sale, refund = Record("a", 19990, second=1), Record("a", -19990, second=2)

    matching = match(tmp_path, [sale, refund], [refund, sale])

    assert (matching.matched_by_pass, matching.count_by_class) == (matched(2), {})


def test_a_second_record_of_an_id_with_another_amount_is_a_duplicate_not_a_mismatch(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000), Record("a", 700, second=1)], [Record("a", 1000)])

    (row,) = rows(matching)
    assert (row["class"], row["amount_minor"], row["processor_record_number"]) == ("duplicate_at_processor", 700, 2)


def test_an_id_twice_at_the_processor_and_never_in_the_ledger_is_missing_once_and_duplicate_once(
    tmp_path: Path,
) -> None:
    matching = match(tmp_path, [Record("a"), Record("a", second=1)], [])

    assert Counter(row["class"] for row in rows(matching)) == {"missing_in_ledger": 1, "duplicate_at_processor": 1}


def test_a_discrepancy_keeps_its_id_when_its_class_changes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    (missing,) = rows(match(tmp_path / "one", [Record("a")], []))
    (mismatch,) = rows(match(tmp_path / "two", [Record("a")], [Record("a", 999)]))

    assert missing["class"] != mismatch["class"]
    assert missing["discrepancy_id"] == mismatch["discrepancy_id"]


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    processor, ledger = [Record(str(i)) for i in range(500)], [Record(str(i), 999) for i in range(500)]

    first, second = match(tmp_path / "one", processor, ledger), match(tmp_path / "two", processor, ledger)

    assert first.discrepancies.read_bytes() == second.discrepancies.read_bytes()


def test_totals_beyond_64_bits_stay_exact(tmp_path: Path) -> None:
    largest = 2**63 - 1

    matching = match(tmp_path, [Record("a", largest), Record("b", largest)], [Record("a", largest), Record("c", -1)])

    (proof,) = matching.proofs
    assert proof.processor_total_minor == 2 * largest
    assert proof.residual_minor == 0


def test_a_difference_beyond_64_bits_is_refused_and_not_repeated_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="does not fit in 64 bits") as caught:
        match(tmp_path, [Record("a", 2**63 - 1)], [Record("a", -(2**63 - 1))])

    assert str(2**63 - 1) not in str(caught.value)


RECORDS = st.lists(
    st.builds(
        Record,
        transaction_id=st.sampled_from("abcd"),
        amount_minor=st.integers(-3, 3),
        currency=st.sampled_from(["USD", "JPY"]),
        status=st.sampled_from(["completed", "pending"]),
        second=st.integers(0, 3),
    ),
    max_size=9,
)


def oracle(processor: list[Record], ledger: list[Record]) -> tuple[int, Counter]:
    """The rules by dictionaries and loops, without an engine."""

    def ordered(side: list[Record]) -> list[tuple[int, Record]]:
        return sorted(enumerate(side), key=lambda item: (item[1].second, item[0]))

    matched, classes = 0, Counter[str]()
    for key in {record.transaction_id for record in processor + ledger}:
        left_p = [r for _, r in ordered(processor) if r.transaction_id == key]
        left_l = [r for _, r in ordered(ledger) if r.transaction_id == key]
        first_p, first_l, exact = left_p[:1], left_l[:1], 0
        for record in list(left_p):
            twin = next(
                (
                    other
                    for other in left_l
                    if (other.currency, other.amount_minor, other.status)
                    == (record.currency, record.amount_minor, record.status)
                ),
                None,
            )
            if twin is not None:
                left_l = [other for other in left_l if other is not twin]
                left_p = [other for other in left_p if other is not record]
                exact += 1
        matched += exact
        for ours, theirs in zip(left_p, left_l, strict=False):
            classes[
                "currency_mismatch"
                if ours.currency != theirs.currency
                else "amount_mismatch"
                if ours.amount_minor != theirs.amount_minor
                else "status_mismatch"
            ] += 1
        for record in left_p[len(left_l) :]:
            alone = not exact and record is first_p[0]
            classes["missing_in_ledger" if alone else "duplicate_at_processor"] += 1
        for record in left_l[len(left_p) :]:
            alone = not exact and record is first_l[0]
            classes["missing_at_processor" if alone else "duplicate_in_ledger"] += 1
    return matched, classes


@settings(max_examples=150, deadline=None)
@given(processor=RECORDS, ledger=RECORDS)
def test_the_stages_agree_with_a_dictionary_oracle_and_the_proof_always_closes(
    processor: list[Record], ledger: list[Record]
) -> None:
    processor = [Record(**vars(record)) for record in processor]
    ledger = [Record(**vars(record)) for record in ledger]
    with tempfile.TemporaryDirectory() as folder:
        matching = match(Path(folder), processor, ledger)

    matched, classes = oracle(processor, ledger)
    assert matching.matched_by_pass == {"transaction_id": matched}
    assert {word.value: count for word, count in matching.count_by_class.items()} == dict(classes)
    assert all(proof.residual_minor == 0 for proof in matching.proofs)
