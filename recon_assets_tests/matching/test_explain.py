"""Every way in which a record can end is explained from the files of its day; a record is found by any of its ids."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import DuckDBRunner, duckdb_runner
from recon_assets.matching.engine import Day, match_day
from recon_assets.matching.evidence_files import DayFiles, find_records
from recon_assets.matching.explain import explain_records, open_record
from recon_assets.matching.explanation import MAX_MEMBERS, Explanation, MatchKind, Seen
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.frames import Record, write_frame_file

DAY = date(2025, 9, 30)
NEXT = date(2025, 10, 1)
IDENTITY = {"name": "transaction_id", "keys": [["transaction_id"]], "differs": "report"}
BY_REFERENCE = {"name": "reference", "keys": [["reference_number"]]}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[DuckDBRunner]:
    with duckdb_runner(spill=tmp_path / "spill", memory_limit="200MB") as opened:
        yield opened


def rules(*passes: dict[str, object]) -> MatchingRules:
    return MatchingRules.model_validate({"passes": list(passes)}) if passes else MatchingRules()


def matched_day(
    folder: Path,
    processor: list[Record],
    ledger: list[Record],
    by: MatchingRules | None = None,
    *,
    day: date = DAY,
    **other: object,
) -> DayFiles:
    place = folder / str(day)
    place.mkdir()
    files = DayFiles(
        business_date=day,
        transactions=write_frame_file(place / "transactions.parquet", processor),
        ledger_entries=write_frame_file(place / "ledger_entries.parquet", ledger),
        matching=place / "matching",
    )
    frames = Day("stripe", day, files.transactions, files.ledger_entries)
    match_day(replace(frames, **other), by or MatchingRules(), into=files.matching)
    return files


def explained(runner: DuckDBRunner, day: DayFiles, wanted: str, by: MatchingRules | None = None) -> list[Explanation]:
    return explain_records(runner, find_records(runner, [day], wanted, limit=50), by or MatchingRules())


def test_a_record_in_no_careful_file_was_matched_by_the_first_pass_with_the_one_of_its_key(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [Record("a"), Record("b", 5)], [Record("b", 5), Record("a")])

    (told,) = explained(runner, day, "b")

    assert told.match is not None
    assert (told.match.pass_name, told.match.step, told.match.kind) == ("transaction_id", 1, MatchKind.CLEAN)
    assert told.match.keys == (("transaction_id", "transaction_id"),)
    assert [(other.side, other.transaction_id, other.seq) for other in told.match.others] == [(Side.LEDGER, "b", 0)]
    assert (told.rows, told.tried, told.refused, told.is_unclear) == ((), (), (), False)


def test_a_match_that_differs_tells_its_row_and_both_records_once(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [Record("a", 1000)], [Record("a", 999, status="pending")])

    (told,) = explained(runner, day, "a")

    assert told.match is not None
    assert told.match.kind is MatchKind.DIFFERING
    (row,) = told.rows
    assert (row.kind, row.outcome, row.differs, row.amount_minor) == (
        "amount_mismatch",
        "discrepancy",
        "amount,status",
        1,
    )
    by_its_discrepancy = explained(runner, day, row.discrepancy_id.upper())
    assert by_its_discrepancy == [told]


def test_a_record_that_is_alone_tells_what_each_step_saw(runner, tmp_path) -> None:
    by = rules(
        IDENTITY,
        BY_REFERENCE,
        {"name": "refunds", "where": {"processor": {"status": {"in": ["reversed"]}}}, "keys": [["merchant_id"]]},
        {"name": "orders", "keys": [["order_id"], ["merchant_id"]]},
    )
    processor = [Record("a", 700, reference_number="r"), Record("b")]
    ledger = [Record("c", 800, reference_number="r"), Record("b")]
    day = matched_day(tmp_path, processor, ledger, by)

    (told,) = explained(runner, day, "a", by)

    assert [row.kind for row in told.rows] == ["missing_in_ledger"]
    assert told.match is None
    assert [(tried.pass_name, tried.step, tried.seen, tried.others, tried.equal) for tried in told.tried] == [
        ("transaction_id", 1, Seen.NOTHING_HAS_ITS_KEY, 0, 0),
        ("reference", 1, Seen.OTHERS_HAVE_ITS_KEY, 1, 0),
        ("refunds", 1, Seen.FILTERED, 0, 0),
        ("orders", 1, Seen.NO_KEY, 0, 0),
        ("orders", 2, Seen.OTHERS_HAVE_ITS_KEY, 2, 0),
    ]
    fates = {other.record.transaction_id: (other.fate, other.by_pass) for other in told.tried[4].examples}
    assert fates == {"c": ("missing_at_processor", None), "b": ("matched", "transaction_id")}


def test_a_later_transaction_of_a_matched_identity_is_explained_as_a_duplicate(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [Record("a"), Record("a", second=5)], [Record("a")])

    first, second = explained(runner, day, "a")

    assert first.match is not None
    assert first.match.kind is MatchKind.ALIKE
    assert [row.kind for row in second.rows] == ["duplicate_at_processor"]
    assert [(tried.others, tried.examples[0].by_pass) for tried in second.tried if tried.others] == [
        (1, "transaction_id")
    ]


def test_equally_good_candidates_are_told_as_tied(runner, tmp_path) -> None:
    ledger = [Record("x", reference_number="r"), Record("y", reference_number="r")]
    day = matched_day(tmp_path, [Record("a", reference_number="r")], ledger)

    (told,) = explained(runner, day, "a")

    assert [row.kind for row in told.rows] == ["ambiguous"]
    assert {(refused.decision, refused.score, refused.other.transaction_id) for refused in told.refused} == {
        ("tied", None, "x"),
        ("tied", None, "y"),
    }
    assert told.refused_count == 2


def test_a_suggestion_is_told_with_its_score(runner, tmp_path) -> None:
    scored = {
        "amount_band_minor": 0,
        "features": {"amount_equal": 50, "merchant_equal": 30},
        "confirm_from": 80,
        "margin": 20,
        "suggest_from": 40,
    }
    by = rules(IDENTITY, {"name": "look_alikes", "scored": scored})
    day = matched_day(tmp_path, [Record("a")], [Record("b", merchant_id="OTHER")], by)

    (told,) = explained(runner, day, "b", by)

    assert told.tried[-1].seen is Seen.SCORES
    (refused,) = told.refused
    assert (refused.pass_name, refused.decision, refused.score, refused.other.transaction_id) == (
        "look_alikes",
        "suggested",
        50,
        "a",
    )


def test_a_group_names_both_sides_of_it_and_counts_what_it_does_not_name(runner, tmp_path) -> None:
    group = {"name": "sums", "keys": [["reference_number"]], "cardinality": "many_to_one", "group_by": "merchant_id"}
    by = rules(IDENTITY, group)
    parts = [Record(f"a{number}", 10, reference_number="r") for number in range(MAX_MEMBERS + 3)]
    day = matched_day(tmp_path, parts, [Record("whole", 10 * len(parts), reference_number="r")], by)

    (of_a_part,), (of_the_whole,) = explained(runner, day, "a1", by), explained(runner, day, "whole", by)

    assert of_a_part.match is not None
    assert (of_a_part.match.kind, of_a_part.match.step) == (MatchKind.GROUP, 1)
    assert [record.transaction_id for record in of_a_part.match.others] == ["whole"]
    assert (len(of_a_part.match.beside), of_a_part.match.beside_count) == (MAX_MEMBERS, MAX_MEMBERS + 2)
    assert of_the_whole.match is not None
    assert (len(of_the_whole.match.others), of_the_whole.match.other_count) == (MAX_MEMBERS, MAX_MEMBERS + 3)
    assert of_the_whole.match.beside_count == 0


def test_a_transaction_that_was_taken_back_is_found_by_the_row_that_says_so(runner, tmp_path) -> None:
    before = write_frame_file(tmp_path / "before.parquet", [Record("b"), Record("gone"), Record("a", 7)])
    day = matched_day(tmp_path, [Record("a"), Record("b")], [Record("a"), Record("b")], concluded_transactions=before)

    (gone,), (changed,), (same,) = (explained(runner, day, wanted) for wanted in ("gone", "a", "b"))

    assert (gone.record, [(row.kind, row.differs) for row in gone.rows]) == (None, [("restated", "gone")])
    assert [(row.kind, row.differs) for row in changed.rows] == [("restated", "amount")]
    assert changed.match is not None
    assert (same.rows, same.match is not None) == ((), True)


def test_files_that_are_not_of_one_answer_are_not_explained_away(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [Record("a")], [Record("a")])
    write_frame_file(day.ledger_entries, [Record("a", 999)])

    told = explained(runner, day, "a")

    assert [(one.match, one.rows, one.is_unclear) for one in told] == [(None, (), True)] * 2


def test_records_are_found_by_every_id_on_every_day_in_the_order_of_the_days(runner, tmp_path) -> None:
    older = matched_day(tmp_path, [Record("a", reference_number="r")], [])
    newer = matched_day(tmp_path, [Record("r")], [Record("b", reference_number="r")], day=NEXT)

    found = find_records(runner, [newer, older], "r", limit=50)

    assert [(one.day.business_date, one.side) for one in found] == [
        (NEXT, Side.PROCESSOR),
        (NEXT, Side.LEDGER),
        (DAY, Side.PROCESSOR),
    ]
    assert find_records(runner, [newer, older], "r", limit=2) == found[:2]


@pytest.mark.parametrize("wanted", ["nothing", "", "x' OR TRUE --", "9d58deb6-d44b-3acf-fabd-3081d827e1cf"])
def test_an_id_that_nothing_has_finds_nothing(runner, tmp_path, wanted: str) -> None:
    day = matched_day(tmp_path, [Record("a")], [Record("b")])

    assert find_records(runner, [day], wanted, limit=50) == []
    assert find_records(runner, [], wanted, limit=50) == []


def test_an_id_with_a_quote_is_found(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [Record("o'brien")], [Record("o'brien")])

    assert [one.match is not None for one in explained(runner, day, "o'brien")] == [True]


def test_the_open_record_of_another_day_is_found_by_the_id_of_its_discrepancy(runner, tmp_path) -> None:
    day = matched_day(tmp_path, [], [Record("a"), Record("late", 42)])
    ids = {row["transaction_id"]: row["discrepancy_id"] for row in pq.read_table(day.open_records).to_pylist()}

    found = open_record(runner, day, ids["late"])

    assert found is not None
    assert (found.side, found.transaction_id, found.amount_minor) == (Side.LEDGER, "late", 42)
    assert open_record(runner, day, "9d58deb6-d44b-3acf-fabd-3081d827e1cf") is None
    day.open_records.unlink()
    assert open_record(runner, day, ids["late"]) is None
