"""What became of a processor-day, and the table that says so."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recon_assets.cli.dagster_runs import FinishedRun
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.paths import report_files
from recon_assets.settings import Settings
from recon_assets.store.history import run_of_dagster_run

if TYPE_CHECKING:
    from recon_assets.store.database import Database
    from recon_assets.store.history import Run

WIDE_COLUMNS = 100
"""A terminal with room for every column and for air between them."""

COLOUR_OF_VERDICT = {
    Verdict.INCOMPLETE: "yellow",
    Verdict.DISCREPANCIES: "magenta",
    Verdict.RECONCILED_WITH_WARNINGS: "cyan",
    Verdict.RECONCILED_WITH_PENDING: "cyan",
    Verdict.RECONCILED: "green",
}


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """One processor-day after its run. `run` has its answer in the record, None when it did not get that far.

    `unchanged_since` is the version whose answer was found again.
    """

    processor: str
    business_date: date
    run: "Run | None"
    report: Path | None
    problem: str | None
    unchanged_since: int | None = None

    @property
    def has_conclusion(self) -> bool:
        """Reconciled, or discrepancies found: anything but failed and incomplete."""
        return self.run is not None and self.problem is None


def outcome_of(
    database: "Database", settings: Settings, processor: str, business_date: date, finished: FinishedRun
) -> DayOutcome:
    """Look the answer up where it is official: in the database of record."""
    with database.connect(read_only=True) as connection:
        run = run_of_dagster_run(connection, processor, business_date, finished.dagster_run_id)
    report = report_files(settings.reports_dir, processor=processor, business_date=business_date).html
    return DayOutcome(
        processor=processor,
        business_date=business_date,
        run=run,
        report=report if run is not None and run.verdict is not None and report.exists() else None,
        problem=_problem(run, finished),
        unchanged_since=run.version if run and run.dagster_run_id != finished.dagster_run_id else None,
    )


def _problem(run: "Run | None", finished: FinishedRun) -> str | None:
    """Why there is no conclusion, or None when there is one."""
    if run is not None and run.incomplete_reasons:
        return "; ".join(run.incomplete_reasons)
    if run is not None and run.failure_reason:
        return run.failure_reason
    return None if finished.success else finished.error or "the run failed; the Dagster UI has the details"


def print_outcomes(console: Console, outcomes: list[DayOutcome]) -> None:
    """The table, then one line per day that has no conclusion."""
    wide = console.width >= WIDE_COLUMNS
    headings = ("Records", "Ledger", "Matched", "Differ") if wide else ("Records", "Ledger", "Differ")
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD if wide else None)
    table.padding = (0, 1) if wide else (0, 1, 0, 0)
    for heading in ("Processor", "Date", "Verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in (*headings, "At stake"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Risk", no_wrap=True)
    for outcome in outcomes:
        run = outcome.run
        table.add_row(
            outcome.processor,
            outcome.business_date.isoformat(),
            verdict_text(run),
            *(figure(_counts(run)[heading]) for heading in headings),
            at_stake(run),
            run.risk_level.name if run and run.risk_level and run.verdict is not Verdict.INCOMPLETE else "-",
        )
    console.print(table)
    for outcome in outcomes:
        day = f"{outcome.processor} {outcome.business_date}"
        if outcome.problem:
            console.print(f"[yellow]{day}[/]: {escape(outcome.problem)}", highlight=False, soft_wrap=True)
        if outcome.unchanged_since:
            console.print(
                f"{day}: the same answer as before, version {outcome.unchanged_since} stands", highlight=False
            )
        if outcome.report:
            console.print(f"{day}: report {escape(_short(outcome.report))}", highlight=False, soft_wrap=True)


def verdict_text(run: "Run | None") -> str:
    """The verdict in its colour; a run without one is red."""
    if run is None or run.verdict is None:
        return f"[bold red]{run.status if run else 'failed'}[/]"
    return f"[{COLOUR_OF_VERDICT[run.verdict]}]{run.verdict.value}[/]"


def at_stake(run: "Run | None") -> str:
    """Gross discrepancy amounts, per currency: currencies are never added."""
    if run is None or not run.proofs:
        return "-"
    return "\n".join(proof.money_text(proof.discrepancy_amount_minor) for proof in run.proofs)


def figure(value: int | None) -> str:
    """A count, or a dash when there is none: absent is not zero."""
    return "-" if value is None else f"{value:,}"


def _counts(run: "Run | None") -> dict[str, int | None]:
    return {
        "Records": run.processor_transactions if run else None,
        "Ledger": run.ledger_entries if run else None,
        "Matched": run.matched if run else None,
        "Differ": run.discrepancy_count if run else None,
    }


def _short(path: Path) -> str:
    """Relative to where the user is, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
