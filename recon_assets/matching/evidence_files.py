"""The files that tell of one matched day, and finding records in those of many days by any of their ids.

What belongs here: which records are meant. Not here: what became of them (`explain`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import DuckDBRunner, quoted
from recon_assets.matching.engine import CANDIDATES_FILE, DISCREPANCIES_FILE, MATCHES_FILE, OPEN_RECORDS_FILE
from recon_assets.matching.steps import literal

ID_COLUMNS: Final = ("transaction_id", "record_id", "reference_number", "order_id")
RECORD_COLUMNS: Final = (
    "seq", "transaction_id", "record_id", "reference_number", "order_id", "payout_id", "merchant_id",
    "transaction_type", "movement", "amount_minor", "currency", "fee_minor", "status", "occurred_at", "raw_file",
    "record_number",
)  # fmt: skip

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class DayFiles:
    """One day's frames, and the folder with what its matching found."""

    business_date: date
    transactions: Path
    ledger_entries: Path
    matching: Path

    def frame(self, side: Side) -> Path:
        """The frame of that side."""
        return self.transactions if side is Side.PROCESSOR else self.ledger_entries

    @property
    def discrepancies(self) -> Path:
        """A row for every record that is alone and every match worth a word."""
        return self.matching / DISCREPANCIES_FILE

    @property
    def matches(self) -> Path:
        """The matches that were looked at with care."""
        return self.matching / MATCHES_FILE

    @property
    def candidates(self) -> Path:
        """What was looked at and not matched."""
        return self.matching / CANDIDATES_FILE

    @property
    def open_records(self) -> Path:
        """The records that stayed alone; there is none of an incomplete day."""
        return self.matching / OPEN_RECORDS_FILE


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a frame. Amounts are minor units of `currency`; `raw_file` and `record_number` lead to the byte."""

    side: Side
    seq: int
    transaction_id: str
    record_id: str | None
    reference_number: str | None
    order_id: str | None
    payout_id: str | None
    merchant_id: str | None
    transaction_type: str | None
    movement: str | None
    amount_minor: int
    currency: str
    fee_minor: int | None
    status: str
    occurred_at: datetime
    raw_file: str
    record_number: int

    @classmethod
    def of(cls, side: Side, row: dict[str, Any]) -> "Record":
        """From a row with `RECORD_COLUMNS`."""
        return cls(side=side, **{name: row[name] for name in RECORD_COLUMNS})


@dataclass(frozen=True, slots=True)
class Found:
    """Where a record is. `is_gone`: the processor took it back; the row that says so is left, `seq` is of before."""

    day: DayFiles
    side: Side
    seq: int
    is_gone: bool = False


def find_records(runner: DuckDBRunner, days: Sequence[DayFiles], wanted: str, *, limit: int) -> list[Found]:
    """Records that have the id `wanted`, at most `limit`, in the order of `days`, a day's transactions first."""
    if not days:
        return []
    found = {
        *_in_frames(runner, days, wanted, limit=limit),
        *_gone(runner, days, wanted, limit=limit),
        *(_by_discrepancy(runner, days, wanted.lower(), limit=limit) if _UUID.fullmatch(wanted.lower()) else ()),
    }
    order = {day.business_date: place for place, day in enumerate(days)}
    in_order = sorted(found, key=lambda it: (order[it.day.business_date], it.side is Side.LEDGER, it.seq))
    return in_order[:limit]


def _in_frames(runner: DuckDBRunner, days: Sequence[DayFiles], wanted: str, *, limit: int) -> list[Found]:
    found: list[Found] = []
    for side in Side:
        any_id = " OR ".join(f"{column} = {literal(wanted)}" for column in ID_COLUMNS)
        by_path = {str(day.frame(side)): day for day in days}
        rows = _rows_of(runner, by_path, columns="seq", where=any_id, limit=limit)
        found += [Found(by_path[row["filename"]], side, row["seq"]) for row in rows]
    return found


def _gone(runner: DuckDBRunner, days: Sequence[DayFiles], wanted: str, *, limit: int) -> list[Found]:
    where = (
        f"class = 'restated' AND starts_with(differs, 'gone')"
        f" AND (transaction_id = {literal(wanted)} OR discrepancy_id = {literal(wanted.lower())})"
    )
    by_path = {str(day.discrepancies): day for day in days}
    rows = _rows_of(runner, by_path, columns="processor_seq", where=where, limit=limit)
    return [Found(by_path[row["filename"]], Side.PROCESSOR, row["processor_seq"], is_gone=True) for row in rows]


def _by_discrepancy(runner: DuckDBRunner, days: Sequence[DayFiles], wanted: str, *, limit: int) -> list[Found]:
    where = f"discrepancy_id = {literal(wanted)} AND NOT coalesce(starts_with(differs, 'gone'), FALSE)"
    by_path = {str(day.discrepancies): day for day in days}
    return [
        Found(by_path[row["filename"]], Side.PROCESSOR, row["processor_seq"])
        if row["processor_seq"] is not None
        else Found(by_path[row["filename"]], Side.LEDGER, row["ledger_seq"])
        for row in _rows_of(runner, by_path, columns="processor_seq, ledger_seq", where=where, limit=limit)
    ]


def _rows_of(
    runner: DuckDBRunner, by_path: dict[str, DayFiles], *, columns: str, where: str, limit: int
) -> list[dict[str, Any]]:
    files = ", ".join(quoted(Path(path)) for path in by_path)
    return runner.rows(
        f"SELECT filename, {columns} FROM read_parquet([{files}], filename = true, union_by_name = true)"  # noqa: S608
        f" WHERE {where} ORDER BY list_position([{files}], filename), {columns} LIMIT {limit}"
    )
