"""Other rules over days that were matched already: what would be matched, and which rows would change, with money.

What belongs here: matching the stored frames again, in a folder of the caller's, and comparing. It writes nothing else.

Before and after are found in the same way, so that what differs is what the rules change and not what time changed:
before by the rules that the answer was given with, after by the others; both with the same newest date, and chained
with the days around. Rows `restated` are left out of both: they come of the answer before, not of the rules of keys.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.conclusion import PassMatches, count_of_outcome, count_of_warnings
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.records import Side
from recon_assets.domain.verdict import Verdict, conclude
from recon_assets.matching.across_days import days_needed, reach_in_days
from recon_assets.matching.duckdb_runner import DuckDBRunner, duckdb_runner
from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.evidence_files import DayFiles
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import DuckDB
from recon_assets.matching.steps import StepKind, literal, steps_of

_COMPARED: Final = ("class", "amount_minor", "pass", "differs", "due_on", "counterpart_date", "fee_difference_minor",
                    "processor_seq", "ledger_seq")  # fmt: skip


class Change(StrEnum):
    """What becomes of a row or of the match of a transaction."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class StoredDay:
    """A day with an answer: its files, and the rules that it was given with. `incomplete_reasons` are the answer's."""

    files: DayFiles
    rules: MatchingRules
    incomplete_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowChange:
    """Rows of one change, class and currency. Money is gross, the sum of absolute amounts in minor units."""

    change: Change
    class_before: str | None
    class_after: str | None
    currency: str
    count: int
    gross_before_minor: int
    gross_after_minor: int


@dataclass(frozen=True, slots=True)
class MatchChange:
    """Transactions that are matched only before, only after, or otherwise: with another record or by another pass."""

    change: Change
    pass_before: str | None
    pass_after: str | None
    currency: str
    transactions: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class RowDetail:
    """One row that changes. Amounts are signed minor units."""

    change: Change
    side: str
    transaction_id: str
    class_before: str | None
    class_after: str | None
    currency: str
    amount_before_minor: int | None
    amount_after_minor: int | None
    pass_before: str | None
    pass_after: str | None


@dataclass(frozen=True, slots=True)
class DayChange:
    """What other rules change of one day. `details` are the first rows, those with the most money."""

    business_date: date
    rule_version_before: str
    verdict_before: Verdict
    verdict_after: Verdict
    matched_before: Mapping[str, PassMatches]
    matched_after: Mapping[str, PassMatches]
    count_before: Mapping[DiscrepancyClass, int]
    count_after: Mapping[DiscrepancyClass, int]
    rows: tuple[RowChange, ...]
    matches: tuple[MatchChange, ...]
    details: tuple[RowDetail, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is simulated where. `neighbours` are the stored open records of days around and of the days themselves.

    `into` is a folder that is the simulation's own; `newest_date` the newest date that the processor has an answer of.
    """

    processor: str
    rules: MatchingRules
    neighbours: Mapping[date, Path]
    newest_date: date | None
    into: Path
    memory_limit: str
    shown_rows: int

    def changes(self, days: Sequence[StoredDay]) -> Iterator[DayChange]:
        """Each day's changes, in order of date. A day's files in `into` are gone when the next one is told."""
        in_order = sorted(days, key=lambda day: day.files.business_date)
        simulated = {**self.neighbours, **self._open_records(in_order)}
        for day in in_order:
            before = self._matched(day, day.rules, neighbours=self.neighbours, name="before")
            after = self._matched(day, self.rules, neighbours=simulated, name="after")
            yield self._compared(day, before, after)
            shutil.rmtree(before.discrepancies.parent)
            shutil.rmtree(after.discrepancies.parent)

    def _open_records(self, days: Sequence[StoredDay]) -> dict[date, Path]:
        """What the days would leave open for one another: of a day alone, whatever matches across days."""
        found: dict[date, Path] = {}
        for day in days if reach_in_days(self.rules) else ():
            matching = self._matched(day, self.rules, neighbours={}, name="open")
            if matching.open_records is not None:
                found[day.files.business_date] = matching.open_records
            for file in (matching.discrepancies, matching.matches, matching.candidates):
                file.unlink()
        return found

    def _matched(self, day: StoredDay, rules: MatchingRules, *, neighbours: Mapping[date, Path], name: str) -> Matching:
        files = day.files
        since, until = days_needed(files.business_date, rules)
        return match_day(
            Day(
                processor=self.processor,
                business_date=files.business_date,
                transactions=files.transactions,
                ledger_entries=files.ledger_entries,
                complete=not day.incomplete_reasons,
                newest_date=self.newest_date,
                neighbours={other: path for other, path in neighbours.items() if since <= other <= until},
            ),
            rules,
            into=self.into / name / files.business_date.isoformat(),
            engine=DuckDB(self.memory_limit),
        )

    def _compared(self, day: StoredDay, before: Matching, after: Matching) -> DayChange:
        with duckdb_runner(spill=self.into / "spill", memory_limit=self.memory_limit) as runner:
            _declare(runner, day, before, after, rules=self.rules)
            return DayChange(
                business_date=day.files.business_date,
                rule_version_before=before.rule_version,
                verdict_before=_verdict(day, before),
                verdict_after=_verdict(day, after),
                matched_before=before.matched_by_pass,
                matched_after=after.matched_by_pass,
                count_before=before.count_by_class,
                count_after=after.count_by_class,
                rows=_row_changes(runner),
                matches=_match_changes(runner),
                details=_details(runner, limit=self.shown_rows),
            )


def _verdict(day: StoredDay, matching: Matching) -> Verdict:
    residuals = [f"a residual in {proof.currency}" for proof in matching.proofs if proof.residual_minor]
    counts = matching.count_by_class
    return conclude(
        incomplete_reasons=[*day.incomplete_reasons, *residuals],
        discrepancy_count=count_of_outcome(counts, Outcome.DISCREPANCY),
        warning_count=count_of_warnings(counts),
        pending_count=count_of_outcome(counts, Outcome.PENDING),
    )


def _declare(runner: DuckDBRunner, day: StoredDay, before: Matching, after: Matching, *, rules: MatchingRules) -> None:
    runner.frame("transactions", [day.files.transactions])
    runner.frame("ledger_entries", [day.files.ledger_entries])
    for name, matching, its_rules in (("before", before, day.rules), ("after", after, rules)):
        runner.frame(f"rows_{name}", [matching.discrepancies])
        runner.frame(f"careful_pairs_{name}", [matching.matches])
        runner.table(f"matched_{name}", _matched_transactions(name, its_rules))
    runner.table("changes", _CHANGES)


def _matched_transactions(name: str, rules: MatchingRules) -> str:
    """Each matched transaction with its pass and its ledger entries: the careful ones as they were written down, all
    others with the ledger entry that has their key in the first step."""
    first = steps_of(rules)[0]
    careful = f"""
        SELECT processor_seq, min(pass) AS pass, list(ledger_seq ORDER BY ledger_seq) AS ledger_seqs
        FROM careful_pairs_{name} GROUP BY processor_seq
    """  # noqa: S608 - names of ours
    if first.kind not in {StepKind.IDENTITY, StepKind.SUGGESTION}:
        return careful

    def untouched(side: Side, frame: str) -> str:
        seen = f"""
            SELECT {side}_seq AS seq FROM careful_pairs_{name}
            UNION ALL SELECT {side}_seq FROM rows_{name} WHERE {side}_seq IS NOT NULL
        """  # noqa: S608 - names of ours
        return f"SELECT seq, {first.keyed(side)} AS key FROM {frame} ANTI JOIN ({seen}) AS s USING (seq)"  # noqa: S608

    return f"""
        {careful}
        UNION ALL
        SELECT p.seq AS processor_seq, {literal(first.rule.name)} AS pass, [l.seq] AS ledger_seqs
        FROM ({untouched(Side.PROCESSOR, "transactions")}) AS p
        INNER JOIN ({untouched(Side.LEDGER, "ledger_entries")}) AS l USING (key)
    """  # noqa: S608 - expressions of ours


_CHANGES: Final = f"""
    SELECT
        CASE WHEN b.discrepancy_id IS NULL THEN 'new' WHEN a.discrepancy_id IS NULL THEN 'gone' ELSE 'changed' END
            AS change,
        coalesce(a.side, b.side) AS side, coalesce(a.transaction_id, b.transaction_id) AS transaction_id,
        coalesce(a.currency, b.currency) AS currency, b.class AS class_before, a.class AS class_after,
        b.amount_minor AS amount_before_minor, a.amount_minor AS amount_after_minor,
        b.pass AS pass_before, a.pass AS pass_after, coalesce(a.discrepancy_id, b.discrepancy_id) AS discrepancy_id
    FROM rows_before AS b FULL JOIN rows_after AS a ON a.discrepancy_id = b.discrepancy_id
    WHERE a.discrepancy_id IS NULL OR b.discrepancy_id IS NULL OR {
    " OR ".join(f"a.{column} IS DISTINCT FROM b.{column}" for column in _COMPARED)
}
"""  # noqa: S608 - columns of ours


def _row_changes(runner: DuckDBRunner) -> tuple[RowChange, ...]:
    return tuple(
        RowChange(**_exact(row))
        for row in runner.rows(
            "SELECT change, class_before, class_after, currency, count(*) AS count,"
            " coalesce(sum(abs(CAST(amount_before_minor AS HUGEINT))), 0) AS gross_before_minor,"
            " coalesce(sum(abs(CAST(amount_after_minor AS HUGEINT))), 0) AS gross_after_minor"
            " FROM changes GROUP BY ALL ORDER BY change DESC, class_before, class_after, currency"
        )
    )


def _match_changes(runner: DuckDBRunner) -> tuple[MatchChange, ...]:
    return tuple(
        MatchChange(**_exact(row))
        for row in runner.rows(
            "SELECT CASE WHEN b.pass IS NULL THEN 'new' WHEN a.pass IS NULL THEN 'gone' ELSE 'changed' END AS change,"
            " b.pass AS pass_before, a.pass AS pass_after, t.currency, count(*) AS transactions,"
            " sum(abs(CAST(t.amount_minor AS HUGEINT))) AS gross_minor"
            " FROM matched_before AS b FULL JOIN matched_after AS a USING (processor_seq)"
            " INNER JOIN transactions AS t ON t.seq = coalesce(a.processor_seq, b.processor_seq)"
            " WHERE a.pass IS DISTINCT FROM b.pass OR a.ledger_seqs IS DISTINCT FROM b.ledger_seqs"
            " GROUP BY ALL ORDER BY change DESC, pass_before, pass_after, currency"
        )
    )


def _details(runner: DuckDBRunner, *, limit: int) -> tuple[RowDetail, ...]:
    amounts = ("coalesce(amount_before_minor, 0)", "coalesce(amount_after_minor, 0)")
    money = ", ".join(f"abs(CAST({amount} AS HUGEINT))" for amount in amounts)
    rows = runner.rows(
        "SELECT * EXCLUDE (discrepancy_id) FROM changes"  # noqa: S608 - columns of ours
        f" ORDER BY greatest({money}) DESC, transaction_id, side, discrepancy_id LIMIT {limit}"
    )
    return tuple(RowDetail(**{**row, "change": Change(row["change"])}) for row in rows)


def _exact(row: dict[str, Any]) -> dict[str, Any]:
    """Sums come as decimals."""
    figures = {name: int(value) for name, value in row.items() if name.endswith(("_minor", "count", "transactions"))}
    return {**row, **figures, "change": Change(row["change"])}
