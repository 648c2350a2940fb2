"""`recon audit`: seal the audit log, verify the record, and print the head that is to be kept elsewhere."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from recon_assets.store.audit_findings import Problem, Verification

SHOWN_PROBLEMS: Final = 100
VERIFY, SEAL, HEAD = "verify", "seal", "head"
_HEAD: Final = re.compile(r"([1-9]\d{0,17}):([0-9a-fA-F]{64})")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Seal the audit log, and verify that the record is what was written.", no_args_is_help=True
    )
    group.command(VERIFY)(verify)
    group.command(SEAL)(seal)
    group.command(HEAD)(head)
    app.add_typer(group, name="audit")


def verify(
    head: Annotated[
        list[str] | None, typer.Option(help="A seal kept elsewhere, as `recon audit head` printed it: N:HASH.")
    ] = None,
    archive: Annotated[bool, typer.Option(help="Use the heads that the manifests of the archive remember.")] = True,
    inside: Annotated[bool, typer.Option(help="Let the database recompute it as well.")] = True,
) -> None:
    """Recompute the whole record, independently of the database's functions. Exit code 1 when anything is wrong.

    The finding is kept in `system_health`, where an alarm sees it, and one that is bad is told as notifications say;
    nothing else is written.
    """
    from recon_assets.cli.console import open_console
    from recon_assets.resources.record_verifier import RecordVerifier

    heads = [_head(text) for text in head or ()]
    verified = RecordVerifier(load_settings()).verify(heads=heads, with_archive=archive, with_inside=inside)
    console = open_console()
    _print_checked(console, verified.outside, verified.inside)
    if verified.by_auditor:
        console.print("Verified as recon_auditor, who may only read; so not again inside the database.")
    _print_problems(console, verified.problems)
    if verified.problems:
        raise typer.Exit(1)


def seal() -> None:
    """Seal every audit event that is not sealed yet."""
    from recon_assets.store.audit import last_seal, seal_audit
    from recon_assets.store.database import open_database

    with open_database(load_settings()) as database, database.connect_as_migrator() as connection:
        seals = seal_audit(connection)
        newest = last_seal(connection)
    events = sum(made.row_count for made in seals)
    typer.secho(f"Sealed {events:,} events in {len(seals):,} seals.", err=True)
    if newest:
        typer.echo(f"{newest.seal_no}:{newest.seal_hash.hex()}")


def head() -> None:
    """Print the last seal as NUMBER:HASH. Keep it outside this database: it is what makes the record evidence."""
    from recon_assets.domain.errors import StoreRefused
    from recon_assets.store.audit import last_seal
    from recon_assets.store.database import open_database

    with open_database(load_settings()) as database, database.connect_to_verify() as connection:
        newest = last_seal(connection)
    if newest is None:
        raise StoreRefused("nothing is sealed yet", where="audit_seals", remedy="Run a day, or `recon audit seal`.")
    typer.echo(f"{newest.seal_no}:{newest.seal_hash.hex()}")


def _head(text: str) -> tuple[int, str]:
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no head; it is NUMBER:HASH with 64 hex digits, from `recon audit head`")
    return int(found[1]), found[2].lower()


def _print_checked(console: "Console", found: "Verification", inside: "list[Problem] | None") -> None:
    from rich.table import Table

    table = Table(header_style="bold")
    table.add_column("Checked")
    table.add_column("Number", justify="right")
    table.add_column("State")
    checks = {"seals": "seals", "events": "events", "schema objects": "schema", "remembered heads": "heads"}
    for what, count in found.checked.items():
        check = checks.get(what, what)
        problems = sum(problem.check in {check, what} for problem in found.problems)
        table.add_row(what, f"{count:,}", _state(problems))
    if inside is not None:
        table.add_row("again, inside the database", "", _state(len(inside)))
    console.print(table)
    if found.unsealed:
        console.print(f"{found.unsealed:,} events are not sealed yet: [bold]recon audit seal[/]")
    if not found.checked["remembered heads"]:
        console.print("No remembered head was found or given: a history rewritten to its end would not show.")


def _state(problems: int) -> str:
    return f"[red]{problems:,} wrong[/]" if problems else "[green]as written[/]"


def _print_problems(console: "Console", problems: "list[Problem]") -> None:
    from rich.markup import escape

    for problem in problems[:SHOWN_PROBLEMS]:
        console.print(f"[red]{problem.check}[/] {problem.where}: {escape(problem.what)}", soft_wrap=True)
    if len(problems) > SHOWN_PROBLEMS:
        console.print(f"... and {len(problems) - SHOWN_PROBLEMS:,} more", soft_wrap=True)
