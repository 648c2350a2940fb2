"""The discrepancies of one class and side, and how to count among them and among all records of that side."""

from dataclasses import dataclass
from typing import Final

from recon_assets.domain.causes import BASIS_POINTS, Cause, CauseKind, how_many
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import DuckDBRunner

_WORDS: Final = {
    DiscrepancyClass.MISSING_IN_LEDGER: "missing in the ledger",
    DiscrepancyClass.MISSING_AT_PROCESSOR: "missing at the processor",
    DiscrepancyClass.AMOUNT_MISMATCH: "amount mismatches",
    DiscrepancyClass.CURRENCY_MISMATCH: "currency mismatches",
    DiscrepancyClass.STATUS_MISMATCH: "status mismatches",
    DiscrepancyClass.FEE_MISMATCH: "fee mismatches",
    DiscrepancyClass.DUPLICATE_AT_PROCESSOR: "duplicates at the processor",
    DiscrepancyClass.DUPLICATE_IN_LEDGER: "duplicates in the ledger",
    DiscrepancyClass.AMBIGUOUS: "ambiguous records",
}

_LEDGER_DIFFERS: Final = {DiscrepancyClass.STATUS_MISMATCH: "status", DiscrepancyClass.CURRENCY_MISMATCH: "currency"}
"""Where this column differs it is the ledger's word that tells something: the processor's is the usual one."""

FRAME_OF_SIDE: Final = {Side.PROCESSOR: "transactions", Side.LEDGER: "ledger_entries"}


@dataclass(frozen=True, slots=True)
class OfClass:
    """`rows` discrepancies of one class and side, of `of_day` of the day; without a class, all of the day.

    The runner has the views `discrepancies`, `transactions` and `ledger_entries`. Conditions are SQL of ours.
    """

    runner: DuckDBRunner
    kind: DiscrepancyClass | None
    side: Side
    rows: int
    of_day: int

    @property
    def where(self) -> str:
        """Which of the discrepancies these are."""
        return "TRUE" if self.kind is None else f"class = '{self.kind}' AND side = '{self.side}'"

    def side_that_differs(self, column: str) -> Side:
        """The side whose value of a column is looked at."""
        return Side.LEDGER if self.kind and _LEDGER_DIFFERS.get(self.kind) == column else self.side

    def how_many(self, count: int) -> str:
        """`all 412 missing in the ledger`."""
        assert self.kind is not None
        return f"{how_many(count, of=self.rows)} {_WORDS[self.kind]}"

    def count(self, where: str) -> int:
        """How many of them meet a condition."""
        (row,) = self.runner.rows(
            f"SELECT count(*) AS rows FROM discrepancies WHERE {self.where} AND ({where})"  # noqa: S608 - SQL of ours
        )
        return int(row["rows"])

    def distinct_amounts(self, where: str) -> int:
        """How many different amounts the processor has among those that meet a condition."""
        (row,) = self.runner.rows(
            "SELECT count(DISTINCT processor_amount_minor) AS amounts FROM discrepancies"  # noqa: S608 - SQL of ours
            f" WHERE {self.where} AND ({where})"
        )
        return int(row["amounts"])

    def records(self, where: str, *, side: Side | None = None) -> tuple[int, int]:
        """How many records that side has, and how many of them meet a condition."""
        (row,) = self.runner.rows(
            f"SELECT count(*) AS records, count(*) FILTER (WHERE {where}) AS found"  # noqa: S608 - SQL of ours
            f" FROM {FRAME_OF_SIDE[side or self.side]}"
        )
        return int(row["records"]), int(row["found"])

    def cause(self, kind: CauseKind, sentence: str, *, where: str) -> Cause:
        """The cause with its share and money, of those that meet a condition."""
        amount = "fee_difference_minor" if self.kind is DiscrepancyClass.FEE_MISMATCH else "amount_minor"
        rows = self.runner.rows(
            f"SELECT currency, count(*) AS rows, CAST(sum(abs(CAST({amount} AS HUGEINT))) AS VARCHAR) AS gross"  # noqa: S608
            f" FROM discrepancies WHERE {self.where} AND ({where}) GROUP BY currency ORDER BY currency"
        )
        count = sum(row["rows"] for row in rows)
        return Cause(
            kind=kind,
            sentence=sentence,
            discrepancy_count=count,
            share_basis_points=count * BASIS_POINTS // self.of_day,
            amounts={row["currency"]: int(row["gross"] or 0) for row in rows},
        )
