"""A small day is matched on an instance of DuckDB that stays, with the answer that an instance of its own gives."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.matching.duckdb_runner import SMALL_BYTES
from recon_assets.matching.engine import Day, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import DuckDB, running
from recon_assets_tests.matching.days import DAY, match
from recon_assets_tests.matching.engine_days import EVERY_KIND_OF_PASS, day_of_everything, random_day
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.matching.random_days import frames, rules

WHAT_IS_MADE = (
    "SELECT (SELECT count(*) FROM duckdb_tables()) + (SELECT count(*) FROM duckdb_views() WHERE NOT internal) AS made"
)


def as_large(day: Day, folder: Path) -> Day:
    """With open records of a day that is too far away to be read, too large to be small."""
    bystander = folder / "bystander.parquet"
    bystander.write_bytes(b"\0" * (SMALL_BYTES + 1))
    return replace(day, neighbours={**day.neighbours, day.business_date + timedelta(days=500): bystander})


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def check(day: Day, its: MatchingRules, folder: Path) -> None:
    small = match_day(day, its, into=folder / "small")
    large = match_day(as_large(day, folder), its, into=folder / "large")

    assert files_of(folder / "small") == files_of(folder / "large")
    assert (small.matched_by_pass, small.proofs) == (large.matched_by_pass, large.proofs)


def test_a_day_of_everything_has_the_same_bytes_either_way(tmp_path: Path) -> None:
    check(day_of_everything(tmp_path), MatchingRules.model_validate(EVERY_KIND_OF_PASS), tmp_path)


def test_thousands_of_records_have_the_same_bytes_either_way(tmp_path: Path) -> None:
    day = random_day(tmp_path, records=4_000)
    assert sum(file.stat().st_size for file in day.files) <= SMALL_BYTES

    check(day, MatchingRules.model_validate(EVERY_KIND_OF_PASS), tmp_path)


@settings(max_examples=6)
@given(both=frames(small_days=10), its=rules(), concluded=st.booleans())
def test_random_days_have_the_same_bytes_either_way(
    both: tuple[list[Record], list[Record]], its: MatchingRules, concluded: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        match(folder, *both, its, concluded=both[1] if concluded else None)
        day = Day("stripe", DAY, folder / "transactions.parquet", folder / "ledger_entries.parquet")
        before = folder / "concluded.parquet"

        check(replace(day, concluded_transactions=before if concluded else None), its, folder)


def test_a_small_day_leaves_nothing_behind_for_the_next(tmp_path: Path) -> None:
    match(tmp_path, [Record("a")], [])

    with running(DuckDB(), spill=tmp_path / "spill", reads=()) as runner:
        assert runner.rows(WHAT_IS_MADE) == [{"made": 0}]
