"""One small day through the engine, and what it wrote as plain rows, for the tests of the matching."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from recon_assets.domain.conclusion import PassMatches
from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.frames import Record, write_frame_file

DAY: Final = date(2025, 9, 30)


def match(
    folder: Path,
    processor: list[Record],
    ledger: list[Record],
    rules: MatchingRules | None = None,
    *,
    concluded: list[Record] | None = None,
    **other: Any,
) -> Matching:
    """Compare two frames of 2025-09-30; `other` are fields of `Day`."""
    folder.mkdir(parents=True, exist_ok=True)
    day = Day(
        processor="stripe",
        business_date=DAY,
        transactions=write_frame_file(folder / "transactions.parquet", processor),
        ledger_entries=write_frame_file(folder / "ledger_entries.parquet", ledger),
    )
    if concluded is not None:
        day = replace(day, concluded_transactions=write_frame_file(folder / "concluded.parquet", concluded))
    return match_day(replace(day, **other), rules or MatchingRules(), into=folder / "matched")


def rows(matching: Matching) -> list[dict[str, Any]]:
    """The rows of the discrepancies."""
    return rows_of(matching.discrepancies)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a file that the matching wrote."""
    found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return found


def pairs(matching: Matching) -> set[tuple[str, int, int]]:
    """Pass, transaction and ledger entry of every match that was looked at with care."""
    return {(row["pass"], row["processor_seq"], row["ledger_seq"]) for row in rows_of(matching.matches)}


def matched_by_first(count: int) -> dict[str, PassMatches]:
    """All of them by the first of the two passes of the default."""
    return {"transaction_id": PassMatches.of_pairs(count), "reference": PassMatches.of_pairs(0)}


def classes(matching: Matching) -> dict[str, int]:
    """How many rows there are of each class."""
    return {kind.value: count for kind, count in matching.count_by_class.items()}
