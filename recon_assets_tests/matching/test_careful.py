"""Which records need a careful look: by a join of all keys, or by one aggregate where that would compare too much."""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
from hypothesis import given, settings

from recon_assets.matching.careful import Careful, find_careful, find_changed
from recon_assets.matching.duckdb_runner import SETTINGS, DuckDBRunner
from recon_assets.matching.frames_in_sql import declare_frames
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.steps import steps_of
from recon_assets_tests.matching.frames import Record, write_frame_file
from recon_assets_tests.matching.random_days import frames, rules

DEFAULT = MatchingRules()


class ByAggregate(DuckDBRunner):
    """As an engine that gains nothing by a limit."""

    stops_at_limit: ClassVar = False


Found = tuple[Careful, list[tuple[Any, ...]], dict[str, int]]


def found_by(
    runner_class: type[DuckDBRunner], transactions: list[Record], entries: list[Record], its: MatchingRules = DEFAULT
) -> Found:
    """The counts, the records, and the tables that were made on the way with how many rows they have."""
    with tempfile.TemporaryDirectory() as name, duckdb.connect(config=SETTINGS) as connection:
        runner = runner_class(connection)
        runner.table("run", "SELECT 1 AS one")
        declare_frames(
            runner,
            first=steps_of(its)[0],
            fees=its.fees,
            transactions=write_frame_file(Path(name) / "transactions.parquet", transactions),
            ledger=write_frame_file(Path(name) / "ledger_entries.parquet", entries),
        )
        careful = find_careful(runner)
        records = connection.execute("SELECT * FROM careful_records ORDER BY side, seq").fetchall()
        made = runner.rows("SELECT table_name, estimated_size FROM duckdb_tables()")
        tables = {row["table_name"]: row["estimated_size"] for row in made}
    return careful, records, tables


@settings(max_examples=40)
@given(both=frames(small_days=8), its=rules(most_passes=2))
def test_both_ways_find_the_same_records(both: tuple[list[Record], list[Record]], its: MatchingRules) -> None:
    careful, records, _ = found_by(DuckDBRunner, *both, its)

    assert found_by(ByAggregate, *both, its)[:2] == (careful, records)


def clean(count: int) -> list[Record]:
    return [Record(f"clean-{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("at_processor", "in_ledger", "crowded"),
    [
        ([], [], 0),
        ([Record("lone")], [], 0),
        ([Record("differs")], [Record("differs", amount_minor=1001)], 0),
        ([Record("twice")] * 2, [Record("twice")], 1),
        ([Record("twice")], [Record("twice")] * 2, 1),
        ([Record("both")] * 2, [Record("both")] * 2, 1),
        ([Record("thrice")] * 3, [], 1),
        ([Record("one agrees"), Record("one agrees", amount_minor=7)], [Record("one agrees")], 1),
        ([Record("pairs"), Record("pairs", amount_minor=7)], [Record("pairs"), Record("pairs", amount_minor=7)], 1),
        ([Record("fee", fee_minor=1)], [Record("fee", fee_minor=2)], 0),
        ([Record("status")], [Record("status", status="pending")], 0),
    ],
)
@pytest.mark.parametrize("runner_class", [DuckDBRunner, ByAggregate])
def test_among_clean_keys_only_the_others_are_careful(
    runner_class: type[DuckDBRunner], at_processor: list[Record], in_ledger: list[Record], crowded: int
) -> None:
    careful, records, tables = found_by(
        runner_class, [*clean(100), *at_processor, *clean(200)[100:]], [*clean(200), *in_ledger]
    )

    assert careful == Careful(len(at_processor), len(in_ledger), crowded)
    assert len(records) == len(at_processor) + len(in_ledger)
    assert ("unclean_keys" in tables) == (runner_class is ByAggregate)


@pytest.mark.parametrize("runner_class", [DuckDBRunner, ByAggregate])
def test_a_key_that_is_there_many_times_is_not_joined_each_with_each(runner_class: type[DuckDBRunner]) -> None:
    many = 20_000  # each with each would be four hundred million

    careful, records, tables = found_by(runner_class, [Record("same")] * many, [Record("same")] * many)

    assert careful == Careful(many, many, 1)
    assert len(records) == 2 * many
    assert "unclean_keys" in tables, "found by the aggregate"
    assert tables.get("joined_keys", 0) == 0, "what the join had until it ended is gone"


def test_a_day_without_records_has_none_to_look_at() -> None:
    assert found_by(DuckDBRunner, [], [])[:2] == (Careful(0, 0, 0), [])


def changed_by(runner_class: type[DuckDBRunner], now: list[Record], before: list[Record]) -> set[str]:
    """The ids of before of which not all is as it was."""
    with tempfile.TemporaryDirectory() as name, duckdb.connect(config=SETTINGS) as connection:
        runner = runner_class(connection)
        runner.frame("transactions", [write_frame_file(Path(name) / "now.parquet", now)])
        runner.frame("concluded_transactions", [write_frame_file(Path(name) / "before.parquet", before)])
        find_changed(runner)
        ids = {row["id"] for row in runner.rows("SELECT id FROM changed_ids")}
    return ids & {record.record_id or record.transaction_id for record in before}


@settings(max_examples=40)
@given(both=frames(small_days=8))
def test_both_ways_find_the_same_ids_changed(both: tuple[list[Record], list[Record]]) -> None:
    assert changed_by(DuckDBRunner, *both) == changed_by(ByAggregate, *both)


@pytest.mark.parametrize("runner_class", [DuckDBRunner, ByAggregate])
def test_an_id_is_changed_when_anything_of_it_is(runner_class: type[DuckDBRunner]) -> None:
    before = [
        *clean(100),
        Record("gone"),
        Record("amount"),
        Record("status"),
        Record("fee", fee_minor=0),
        Record("no fee"),
        Record("twice"),
        Record("known by its own id", record_id="own"),
    ]
    now = [
        *clean(100),
        Record("new"),
        Record("amount", amount_minor=1001),
        Record("status", status="pending"),
        Record("fee"),
        Record("no fee"),
        Record("twice"),
        Record("twice"),
        Record("another transaction", record_id="own", currency="EUR"),
    ]

    assert changed_by(runner_class, now, before) == {"gone", "amount", "status", "fee", "twice", "own"}
