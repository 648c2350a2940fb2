"""`recon check-feed`: what a description makes of a file. Stores nothing, needs no database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recon_assets.cli.options import ProcessorArgument, load_settings
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from rich.console import Console

    from recon_assets.feeds.files.examine import Examined, Sum


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check-feed")(check_feed)


def check_feed(
    name: ProcessorArgument,
    file: Annotated[Path, typer.Argument(help="A file of that processor.", exists=True, dir_okay=False)],
    side: Annotated[Side, typer.Option(help="Whose file it is.")] = Side.PROCESSOR,
) -> None:
    """Say what is read from a file, what is rejected and why, and the totals. Nothing is stored.

    Exit code 0 when every record is read and every control total is met, else 1.
    """
    from recon_assets.cli.console import open_console
    from recon_assets.configuration import Configuration
    from recon_assets.domain.errors import ConfigurationError
    from recon_assets.feeds.files.description import FilesDescription
    from recon_assets.feeds.files.examine import examine

    config = Configuration.load(load_settings()).processor(name)
    feed = config.feed if side is Side.PROCESSOR else config.ledger
    if not isinstance(feed, FilesDescription):
        raise ConfigurationError(
            f"the {side} feed of {name} is no files",
            where="config/processors",
            remedy="Its kind must be files; `recon doctor` looks at feeds of other kinds.",
        )
    found = examine(file, feed, side)
    _print(open_console(), found)
    raise typer.Exit(1 if found.rejected or found.problems else 0)


def _print(console: "Console", found: "Examined") -> None:
    from rich.markup import escape
    from rich.table import Table

    rejected, left_out = sum(found.rejected.values()), sum(found.left_out.values())
    console.print(
        f"{found.read.records:,} records: {found.rows:,} read, {rejected:,} rejected, {left_out:,} left out",
        soft_wrap=True,
    )
    if found.totals:
        console.print(_totals(found))
    if found.rejected:
        table = Table("Column", "Rule", "Rejected", "First records", header_style="bold")
        for (column, reason), count in sorted(found.rejected.items()):
            table.add_row(column, escape(reason), f"{count:,}", ", ".join(map(str, found.first[column, reason])))
        console.print(table)
    for why, count in sorted(found.left_out.items()):
        console.print(f"left out: {count:,} with {escape(why)}", soft_wrap=True)
    for problem in found.problems:
        console.print(f"[red]{escape(problem)}[/]", soft_wrap=True)
    if found.states_totals and not found.problems:
        console.print("every control total is met")


def _totals(found: "Examined") -> object:
    from rich.table import Table

    from recon_assets.schemas.currencies import exponents

    table = Table("Currency", "Movement", "Rows", "Amount", "Fee", "Net", header_style="bold")
    for (currency, movement), total in sorted(found.totals.items()):
        exponent = exponents()[currency]
        sums = [_figure(each, of=total.rows, exponent=exponent) for each in (total.amount, total.fee, total.net)]
        table.add_row(currency, movement or "-", f"{total.rows:,}", *sums)
    return table


def _figure(each: "Sum", *, of: int, exponent: int) -> str:
    """The sum, how many rows said it where not all did, and a dash where none did."""
    from recon_assets.domain.money import decimal_from_minor

    if not each.rows:
        return "-"
    amount = f"{decimal_from_minor(each.minor, exponent=exponent):,f}"
    return amount if each.rows == of else f"{amount} ({each.rows:,} of {of:,} rows)"
