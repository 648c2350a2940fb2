"""Other rules over stored days: what changes is told with its money, and nothing but the given folder is touched."""

from datetime import date
from pathlib import Path

import pytest

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.verdict import Verdict
from recon_assets.matching.engine import Day, match_day
from recon_assets.matching.evidence_files import DayFiles
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.simulate import (
    Change,
    DayChange,
    MatchChange,
    RowChange,
    RowDetail,
    Simulation,
    StoredDay,
)
from recon_assets_tests.matching.frames import Record, write_frame_file

DAY, NEXT = date(2025, 9, 30), date(2025, 10, 1)
ALONE = MatchingRules.model_validate(
    {"passes": [{"name": "transaction_id", "keys": [["transaction_id"]], "differs": "report"}]}
)
CHAINED = MatchingRules()


def rules(*passes: dict[str, object], **parts: object) -> MatchingRules:
    first = {"name": "transaction_id", "keys": [["transaction_id"]], "differs": "report"}
    return MatchingRules.model_validate({"passes": list(passes) or [first], **parts})


def stored(
    folder: Path,
    processor: list[Record],
    ledger: list[Record],
    *,
    day: date = DAY,
    by: MatchingRules = ALONE,
    reasons: tuple[str, ...] = (),
) -> StoredDay:
    place = folder / "stored" / str(day)
    place.mkdir(parents=True)
    transactions = write_frame_file(place / "transactions.parquet", processor)
    ledger_entries = write_frame_file(place / "ledger_entries.parquet", ledger)
    match_day(Day("stripe", day, transactions, ledger_entries, complete=not reasons), by, into=place)
    return StoredDay(DayFiles(day, transactions, ledger_entries, place), by, reasons)


def simulated(folder: Path, days: list[StoredDay], by: MatchingRules, *, shown_rows: int = 20) -> list[DayChange]:
    neighbours = {day.files.business_date: day.files.open_records for day in days if day.files.open_records.is_file()}
    into = folder / "simulated"
    into.mkdir()
    simulation = Simulation(
        processor="stripe",
        rules=by,
        neighbours=neighbours,
        newest_date=max(neighbours, default=None),
        into=into,
        memory_limit="200MB",
        shown_rows=shown_rows,
    )
    return list(simulation.changes(days))


EVERYTHING = (
    [Record("a"), Record("b", 5), Record("c", 1000), Record("d"), Record("d", second=3), Record("e", 3, "JPY")],
    [Record("a"), Record("c", 999), Record("d"), Record("x", 7, "EUR"), Record("e", 4, "JPY")],
)


@pytest.mark.parametrize("by", [ALONE, CHAINED])
def test_the_same_rules_change_nothing(tmp_path: Path, by: MatchingRules) -> None:
    (change,) = simulated(tmp_path, [stored(tmp_path, *EVERYTHING, by=by)], by)

    assert (change.rows, change.matches, change.details) == ((), (), ())
    assert change.verdict_before is change.verdict_after is Verdict.DISCREPANCIES
    assert change.matched_before == change.matched_after
    assert change.rule_version_before == by.version


def test_a_tolerance_turns_mismatches_into_matches_in_each_currency(tmp_path: Path) -> None:
    tolerant = rules(
        {
            "name": "transaction_id",
            "keys": [["transaction_id"]],
            "differs": "report",
            "amount": {"tolerance": {"minor": 1}},
        }
    )
    days = [stored(tmp_path, [Record("c", 1000), Record("e", 3, "JPY")], [Record("c", 999), Record("e", 4, "JPY")])]

    (change,) = simulated(tmp_path, days, tolerant, shown_rows=1)

    assert change.rows == (
        RowChange(Change.CHANGED, "amount_mismatch", "matched_in_tolerance", "JPY", 1, 1, 1),
        RowChange(Change.CHANGED, "amount_mismatch", "matched_in_tolerance", "USD", 1, 1, 1),
    )
    assert change.matches == ()
    assert (change.verdict_before, change.verdict_after) == (Verdict.DISCREPANCIES, Verdict.RECONCILED_WITH_WARNINGS)
    assert change.details == (
        RowDetail(
            Change.CHANGED, "processor", "c", "amount_mismatch", "matched_in_tolerance", "USD", 1, 1,
            "transaction_id", "transaction_id",
        ),
    )  # fmt: skip


def test_another_pass_finds_matches_and_rows_go(tmp_path: Path) -> None:
    wider = rules(
        {"name": "transaction_id", "keys": [["transaction_id"]], "differs": "report"},
        {"name": "reference", "keys": [["reference_number"]]},
    )
    processor = [Record("a", -700, reference_number="r"), Record("b")]
    days = [stored(tmp_path, processor, [Record("z", -700, reference_number="r"), Record("b")])]

    (change,) = simulated(tmp_path, days, wider)
    matches = {name: found.matches for name, found in change.matched_after.items()}

    assert change.matches == (MatchChange(Change.NEW, None, "reference", "USD", 1, 700),)
    assert change.rows == (
        RowChange(Change.GONE, "missing_at_processor", None, "USD", 1, 700, 0),
        RowChange(Change.GONE, "missing_in_ledger", None, "USD", 1, 700, 0),
    )
    assert [(row.transaction_id, row.amount_before_minor, row.amount_after_minor) for row in change.details] == [
        ("a", -700, None),
        ("z", 700, None),
    ]
    assert matches == {"transaction_id": 1, "reference": 1}
    assert (change.verdict_before, change.verdict_after) == (Verdict.DISCREPANCIES, Verdict.RECONCILED)


def test_a_match_by_another_pass_or_with_another_record_is_told_though_no_row_changes(tmp_path: Path) -> None:
    by_reference = rules({"name": "reference", "keys": [["reference_number"]]})
    processor = [Record("a", reference_number="1"), Record("b", reference_number="2")]
    ledger = [Record("a", reference_number="2"), Record("b", reference_number="1")]

    (change,) = simulated(tmp_path, [stored(tmp_path, processor, ledger)], by_reference)

    assert change.rows == ()
    assert change.matches == (MatchChange(Change.CHANGED, "transaction_id", "reference", "USD", 2, 2000),)


def test_a_match_that_is_lost_gives_new_rows(tmp_path: Path) -> None:
    none_of_them = rules({"name": "reference", "keys": [["reference_number"]]})

    (change,) = simulated(tmp_path, [stored(tmp_path, [Record("a")], [Record("a")])], none_of_them)

    assert change.matches == (MatchChange(Change.GONE, "transaction_id", None, "USD", 1, 1000),)
    assert [(row.change, row.class_after, row.gross_after_minor) for row in change.rows] == [
        (Change.NEW, "missing_at_processor", 1000),
        (Change.NEW, "missing_in_ledger", 1000),
    ]


def test_days_chain_among_themselves_by_the_new_rules_in_both_directions(tmp_path: Path) -> None:
    days = [
        stored(tmp_path, [], [Record("late")], day=NEXT),
        stored(tmp_path, [Record("late"), Record("a")], [Record("a")], day=DAY),
    ]

    first, second = simulated(tmp_path, days, CHAINED)

    assert [change.business_date for change in (first, second)] == [DAY, NEXT]
    assert [(row.class_before, row.class_after) for row in (*first.rows, *second.rows)] == [
        ("missing_in_ledger", "matched_prior_day"),
        ("missing_at_processor", "matched_prior_day"),
    ]
    assert (first.verdict_after, second.verdict_after) == (Verdict.RECONCILED, Verdict.RECONCILED)


def test_days_that_chain_already_are_compared_as_chained(tmp_path: Path) -> None:
    """Though the stored answer of the earlier day was given before the later one was there."""
    days = [
        stored(tmp_path, [Record("late")], [], day=DAY, by=CHAINED),
        stored(tmp_path, [], [Record("late")], day=NEXT, by=CHAINED),
    ]

    same = simulated(tmp_path, days, CHAINED)
    (tmp_path / "simulated").rename(tmp_path / "before")
    unchained = simulated(tmp_path, days, ALONE)

    assert [(change.rows, change.count_before) for change in same] == [
        ((), {DiscrepancyClass.MATCHED_PRIOR_DAY: 1}),
        ((), {DiscrepancyClass.MATCHED_PRIOR_DAY: 1}),
    ]
    assert [(row.class_before, row.class_after) for change in unchained for row in change.rows] == [
        ("matched_prior_day", "missing_in_ledger"),
        ("matched_prior_day", "missing_at_processor"),
    ]


def test_a_day_without_conclusion_stays_without_one(tmp_path: Path) -> None:
    days = [stored(tmp_path, [Record("a"), Record("b")], [Record("a")], reasons=("short",))]

    (change,) = simulated(tmp_path, days, rules(grace={"ledger": 3}))

    assert change.verdict_before is change.verdict_after is Verdict.INCOMPLETE
    assert [(row.class_before, row.class_after) for row in change.rows] == [("missing_in_ledger", "pending_in_ledger")]


def test_rules_without_a_plain_key_in_front_are_compared_too(tmp_path: Path) -> None:
    group = {"name": "sums", "keys": [["reference_number"]], "cardinality": "many_to_one", "group_by": "merchant_id"}
    processor = [Record("a", 400, reference_number="r"), Record("b", 600, reference_number="r")]
    days = [stored(tmp_path, processor, [Record("whole", reference_number="r")])]

    (change,) = simulated(tmp_path, days, rules(group))

    assert change.matches == (MatchChange(Change.NEW, None, "sums", "USD", 2, 1000),)
    assert change.verdict_after is Verdict.RECONCILED


def test_the_stored_files_stay_as_they_are_and_the_folder_holds_no_frames_afterwards(tmp_path: Path) -> None:
    days = [stored(tmp_path, *EVERYTHING, by=CHAINED)]
    before = {path: path.read_bytes() for path in (tmp_path / "stored").rglob("*") if path.is_file()}

    simulated(tmp_path, days, rules(grace={"ledger": 3}))

    assert {path: path.read_bytes() for path in (tmp_path / "stored").rglob("*") if path.is_file()} == before
    assert [path for path in (tmp_path / "simulated").rglob("*") if path.is_file()] == []
