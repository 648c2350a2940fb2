"""`recon status` and `recon show`: what the record says, without running anything."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from recon_assets.cli.options import DateArgument, ProcessorArgument, business_date, load_settings, yesterday
from recon_assets.cli.unproven import print_unproven

if TYPE_CHECKING:
    from rich.console import Console

    from recon_assets.store.checks import RecordedOutcome
    from recon_assets.store.discrepancies import DiscrepancyRow
    from recon_assets.store.history import Run

SHOWN_DISCREPANCIES = 20
WIDE_COLUMNS = 120


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(show)


def status(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many business dates back.")] = 30,
    until: Annotated[str | None, typer.Option(help="Last business date; that of the newest run if left out.")] = None,
    unproven: Annotated[
        bool, typer.Option("--unproven", help="Only days that are due and have no conclusion, since each start_date.")
    ] = False,
) -> None:
    """The state of every attempted processor-day: its newest attempt, and whether an older answer still stands.

    With --unproven also days that were never run are seen, and the exit code is 1 when there is any.
    """
    from rich.table import Table

    from recon_assets.cli.console import open_console
    from recon_assets.cli.outcome import at_stake, figure, verdict_text
    from recon_assets.configuration import Configuration
    from recon_assets.store.archives import unshipped
    from recon_assets.store.database import open_database
    from recon_assets.store.history import latest_attempts, recent_runs

    settings = load_settings()
    configuration = Configuration.load(settings)
    if unproven:
        print_unproven(settings, configuration)
        return
    processors = sorted(configuration.processors)
    with open_database(settings) as database, database.connect(read_only=True) as connection:
        newest = recent_runs(connection, limit=1)
        last = business_date(until) if until else max((run.business_date for run in newest), default=yesterday())
        last = max(last, yesterday()) if not until else last
        since = (min(run.business_date for run in newest) if newest else last) - timedelta(days=days)
        states = latest_attempts(connection, processors=processors, since=since, until=last)
        waiting = unshipped(connection)
    console = open_console()
    if not states:
        console.print("No processor-day was run yet: try `recon demo`, or `recon run`.")
        return
    table = Table(header_style="bold")
    for heading in ("Date", "Processor", "Verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Discrepancies", "At stake", "Version"):
        table.add_column(heading, justify="right")
    table.add_column("Note")
    for state in sorted(states, key=lambda item: (item.latest.business_date, item.latest.processor), reverse=True):
        run = state.latest
        older = state.current if state.current and state.current.id != run.id else None
        note = f"an older answer stands: {older.verdict.value}" if older and older.verdict else ""
        table.add_row(
            run.business_date.isoformat(),
            run.processor,
            verdict_text(run),
            figure(run.discrepancy_count),
            at_stake(run),
            str(run.version),
            note,
        )
    console.print(table)
    if waiting.count:
        console.print(
            f"[yellow]{waiting.count} archive(s) wait for their bucket[/] since {waiting.oldest:%Y-%m-%d %H:%M} UTC:"
            " `recon doctor` says why it can't be reached, `recon archive ship` ships them now."
        )


def show(processor: ProcessorArgument, day: DateArgument) -> None:
    """One processor-day: verdict, proof, discrepancies and checks. Exit code 1 when it has no conclusion."""
    from recon_assets.cli.console import open_console
    from recon_assets.configuration import Configuration
    from recon_assets.domain.errors import RowsRetired
    from recon_assets.store.checks import outcomes_of
    from recon_assets.store.database import open_database
    from recon_assets.store.discrepancies import discrepancies_of
    from recon_assets.store.history import latest_attempts

    settings = load_settings()
    wanted = business_date(day)
    Configuration.load(settings).processor(processor)
    console = open_console()
    with open_database(settings) as database, database.connect(read_only=True) as connection:
        states = latest_attempts(connection, processors=[processor], since=wanted, until=wanted)
        if not states:
            _no_run(console, processor, wanted)
            raise typer.Exit(1)
        run = states[0].latest
        try:
            shown, retired = discrepancies_of(connection, run.id, limit=SHOWN_DISCREPANCIES), None
        except RowsRetired as elsewhere:
            shown, retired = (), elsewhere
        checks = outcomes_of(
            connection, dagster_run_id=run.dagster_run_id or "", processor=processor, business_date=wanted
        )
    _print_run(console, run)
    _print_proof(console, run)
    _print_discrepancies(console, run, shown)
    if retired:
        console.print(str(retired), soft_wrap=True, markup=False)
    _print_checks(console, checks)
    raise typer.Exit(0 if run.verdict and not run.incomplete_reasons else 1)


def _no_run(console: "Console", processor: str, day: date) -> None:
    console.print(f"{processor} was never run for {day}: `recon run --processors {processor} --date {day}`.")


def _print_run(console: "Console", run: "Run") -> None:
    from rich.markup import escape

    from recon_assets.cli.outcome import verdict_text

    console.print(f"[bold]{run.processor} {run.business_date}[/] {verdict_text(run)} (version {run.version})")
    for reason in run.incomplete_reasons:
        console.print(f"  not concluded: {escape(reason)}", highlight=False)
    for cause in run.causes:
        console.print(f"  likely cause: {escape(cause.sentence)}", highlight=False)
    if run.failure_reason:
        console.print(f"  failed in {run.failed_stage}: {escape(run.failure_reason)}", highlight=False)
    if run.risk_level and run.compliance and not run.incomplete_reasons:
        console.print(
            f"  risk {run.risk_level.name}, {run.compliance.value};"
            f" {run.discrepancy_rate} of the records, {run.value_at_risk_rate} of the volume",
            highlight=False,
        )


def _print_proof(console: "Console", run: "Run") -> None:
    from rich.table import Table

    if not run.proofs:
        return
    table = Table(title="Proof: processor - ledger = named discrepancies", title_justify="left", header_style="bold")
    table.add_column("Currency")
    for heading in ("Processor", "Ledger", "Difference", "Named", "Residual"):
        table.add_column(heading, justify="right")
    for proof in run.proofs:
        difference = proof.processor_total_minor - proof.ledger_total_minor
        figures = (
            proof.processor_total_minor,
            proof.ledger_total_minor,
            difference,
            proof.signed_discrepancies_minor,
            proof.residual_minor,
        )
        table.add_row(proof.currency, *(proof.amount_text(minor) for minor in figures))
    console.print(table)


def _print_discrepancies(console: "Console", run: "Run", shown: "tuple[DiscrepancyRow, ...]") -> None:
    from rich.markup import escape
    from rich.table import Table

    if not shown:
        return
    more = f", the first {len(shown)}" if (run.discrepancy_count or 0) > len(shown) else ""
    title = f"{run.discrepancy_count} discrepancies{more}" + (" (provisional)" if run.incomplete_reasons else "")
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("Class", no_wrap=True)
    table.add_column("Transaction", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    table.add_column("Merchant")
    wide = console.width >= WIDE_COLUMNS
    if wide:
        table.add_column("Raw record at processor / in ledger")
    for row in shown:
        addresses = (
            _address(row.processor_raw_file, row.processor_record_number),
            _address(row.ledger_raw_file, row.ledger_record_number),
        )
        table.add_row(
            row.kind,
            escape(row.transaction_id or "-"),
            f"{row.amount:,} {row.currency}",
            escape(row.merchant_id or "-"),
            *([" / ".join(addresses)] if wide else []),
        )
    console.print(table)


def _address(raw_file: str | None, record_number: int | None) -> str:
    return f"{raw_file}:{record_number}" if raw_file else "-"


def _print_checks(console: "Console", checks: "tuple[RecordedOutcome, ...]") -> None:
    from rich.markup import escape
    from rich.table import Table

    if not checks:
        return
    table = Table(title="Checks", title_justify="left", header_style="bold")
    for heading in ("Asset", "Check", "Outcome", "Broken rules"):
        table.add_column(heading)
    for check in checks:
        failed = "[red]failed[/]" if check.severity == "ERROR" else "[yellow]warning[/]"
        broken = "; ".join(f"{rule} ({count})" for rule, count in check.failed_rules.items())
        table.add_row(
            check.asset_key.partition("/")[2], check.check_name, "passed" if check.passed else failed, escape(broken)
        )
    console.print(table)
