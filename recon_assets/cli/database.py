"""`recon sql`, `recon dsn` and `recon db`: the database of record for people and their tools."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from recon_assets.cli.options import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

STOP, START = "stop", "start"


AsAuditor = Annotated[
    bool, typer.Option("--as-auditor", help="Read every tenant's rows and the audit log, if the login may.")
]


class Format(StrEnum):
    """How `recon sql` prints rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(sql)
    app.command()(dsn)
    group = typer.Typer(help="Start or stop the embedded database.", no_args_is_help=True)
    group.command(START)(start)
    group.command(STOP)(stop)
    app.add_typer(group, name="db")


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    form: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.TABLE,
    as_auditor: AsAuditor = False,
) -> None:
    """Ask the database of record, read-only, for the rows of one tenant (`RECON_TENANT_ID`)."""
    import psycopg

    from recon_assets.domain.errors import StoreRefused
    from recon_assets.store import roles
    from recon_assets.store.database import open_database

    role = roles.AUDITOR if as_auditor else roles.READER
    with open_database(load_settings()) as database, database.connect(read_only=True, role=role) as connection:
        try:
            with connection.transaction():
                cursor = connection.execute(query.encode())
                columns = [column.name for column in cursor.description or ()]
                rows = cursor.fetchall() if columns else []
        except psycopg.Error as error:
            raise StoreRefused(
                f"the query was refused: {error.diag.message_primary or error}",
                where="recon sql",
                remedy="It is read-only and takes one statement; `recon dsn` gives a URL for psql.",
            ) from error
    _print(columns, rows, form)


def _print(columns: list[str], rows: "Sequence[tuple[object, ...]]", form: Format) -> None:
    if form is Format.CSV:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif form is Format.JSON:
        import msgspec

        encoder = msgspec.json.Encoder(decimal_format="number")
        document = encoder.encode([dict(zip(columns, row, strict=True)) for row in rows])
        typer.echo(msgspec.json.format(document, indent=2).decode())
    else:
        from rich.markup import escape
        from rich.table import Table

        from recon_assets.cli.console import open_console

        table = Table(header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else escape(str(value)) for value in row))
        open_console().print(table)


def dsn(as_auditor: AsAuditor = False) -> None:
    """Print a URL of the database of record that may only read, for psql. The embedded one then stays up."""
    from recon_assets.store.database import open_database

    settings = load_settings()
    with open_database(settings) as database:
        _keep_up(settings.uses_embedded_database)
        typer.echo(database.auditor_dsn if as_auditor else database.dsn)


def start() -> None:
    """Start the embedded database and leave it running until `recon db stop`."""
    dsn()


def stop() -> None:
    """Stop the embedded database, unless a command is using it: then it stops with the last of them."""
    from recon_assets.store.embedded import EmbeddedServer

    settings = load_settings()
    if not settings.uses_embedded_database:
        typer.echo("DB_HOST is set: that server is not ours to stop.")
        return
    if not settings.data_dir.exists() or EmbeddedServer(settings.data_dir).stop():
        typer.echo("The embedded database is not running.")
    else:
        typer.echo("The embedded database is in use; it stops when the last command that uses it ends.")


def _keep_up(embedded: bool) -> None:
    if not embedded:
        return
    from recon_assets.store.embedded import EmbeddedServer

    EmbeddedServer(load_settings().data_dir).keep_running()
    typer.secho("The embedded database keeps running until `recon db stop`.", err=True)
