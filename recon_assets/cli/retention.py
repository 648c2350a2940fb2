"""`recon retention`: which months of discrepancies are to be retired, and retiring them. Nothing is ever deleted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from recon_assets.cli.options import load_settings

if TYPE_CHECKING:
    from recon_assets.store.retention import Month
    from recon_assets.store.tenancy import TenantConnection

UNLIMITED: Final = "keep_attached_months is not set in retention.yaml: no month is ever retired."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Archive and detach months of discrepancies that are older than config/retention.yaml says.",
        no_args_is_help=True,
    )
    group.command("plan")(plan)
    group.command("apply")(apply)
    app.add_typer(group, name="retention")


def plan() -> None:
    """Every month of discrepancies, attached or retired, and what `apply` would do. Changes nothing."""
    from rich.table import Table

    from recon_assets.cli.console import open_console
    from recon_assets.configuration import Configuration
    from recon_assets.store.database import open_database
    from recon_assets.store.retention import plan_retention

    settings = load_settings()
    limit = Configuration.load(settings).retention.keep_attached_months
    with open_database(settings) as database, database.connect_as_migrator() as connection:
        months = plan_retention(connection, keep_attached_months=limit, today=datetime.now(UTC).date())
    console = open_console()
    table = Table(header_style="bold")
    table.add_column("Month", no_wrap=True)
    table.add_column("Rows", justify="right")
    table.add_column("KiB", justify="right")
    table.add_column("State")
    table.add_column("Table", no_wrap=True)
    table.add_column("File in the archive")
    for month in months:
        table.add_row(
            f"{month.month:%Y-%m}",
            f"{month.rows:,}",
            f"{month.size_bytes // 1024:,}",
            month.state.value,
            month.name,
            month.file or "-",
        )
    console.print(table)
    if limit is None:
        console.print(UNLIMITED)


def apply() -> None:
    """Retire every month that is due. Killed at any point it can be run again. Exit code 1 when something failed."""
    from recon_assets.configuration import Configuration
    from recon_assets.store.audit import seal_audit
    from recon_assets.store.database import open_database
    from recon_assets.store.retention import MonthState, one_apply_at_a_time, plan_retention

    settings = load_settings()
    limit = Configuration.load(settings).retention.keep_attached_months
    if limit is None:
        typer.echo(UNLIMITED)
        return
    with (
        open_database(settings) as database,
        database.connect_as_migrator() as connection,
        one_apply_at_a_time(connection),
    ):
        months = plan_retention(connection, keep_attached_months=limit, today=datetime.now(UTC).date())
        due = [month for month in months if month.state is MonthState.DUE]
        done = sum(_is_retired(connection, month, settings.archive_dir) for month in due)
        if done:
            seal_audit(connection)
    typer.echo(f"{done} of {len(due)} months that were due are retired; those of the last {limit} stay attached.")
    if done < len(due):
        raise typer.Exit(1)


def _is_retired(connection: "TenantConnection", month: "Month", archive: Path) -> bool:
    """Retire one month and say so; what failed is said too, and the others are still tried."""
    from recon_assets.domain.errors import ReconError
    from recon_assets.store.retention import retire

    try:
        archived = retire(connection, month, archive=archive)
    except ReconError as error:
        typer.secho(f"{month.month:%Y-%m} was not retired: {error}", fg="red", err=True)
        return False
    typer.echo(
        f"{month.month:%Y-%m}: {archived.manifest.row_count:,} rows are now in recon_retired.{archived.name} and in"
        f" {archive / archived.file} (SHA-256 {archived.manifest.sha256})"
    )
    return True
