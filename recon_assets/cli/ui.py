"""`recon ui`: the Dagster UI on the same database, for operators and, read-only, for auditors; and links into it."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import business_date, load_settings

if TYPE_CHECKING:
    from recon_assets.settings import Settings

DAGSTER_YAML: Final = "dagster.yaml"
WORKSPACE: Final = "workspace.yaml"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ui)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on. The UI asks nobody for a login.")] = "127.0.0.1",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For auditors: all pages, nothing can be started or changed; no daemon.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help="Print the pages worth keeping, by processor, and start nothing.")
    ] = False,
    day: Annotated[str | None, typer.Option("--date", help="With --links: the pages of one business date.")] = None,
) -> None:
    """Start the Dagster UI and its daemon, on the same database. Ctrl+C ends both."""
    settings = load_settings()
    if links or day:
        _print_links(settings, settings.dagster_url or f"http://{host}:{port}", business_date(day) if day else None)
        return
    os.chdir(settings.home)
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    server = ["dagster_webserver", "--read-only"] if read_only else ["dagster", "dev"]
    command = [sys.executable, "-m", *server, "-w", WORKSPACE, "-h", host, "-p", str(port)]
    if read_only:
        typer.echo(f"Read-only Dagster UI on http://{host}:{port}")
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - replaced by Dagster, which gets the signals


def dagster_home(settings: "Settings") -> Path:
    """The folder of Dagster's local files, with this project's `dagster.yaml` in it; `DAGSTER_HOME` if that is set.

    It is the same for all that work on one data folder, so that a read-only UI shows the logs of runs that others
    started. Without it Dagster would make a temporary one, and throw the logs away at its end.
    """
    from recon_assets.atomic_files import replaced_whole

    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named)
    home = (settings.data_dir / "dagster").absolute()
    with replaced_whole(home / DAGSTER_YAML) as unfinished:
        unfinished.write_bytes((settings.home / DAGSTER_YAML).read_bytes())
    return home


def _print_links(settings: "Settings", base_url: str, day: date | None) -> None:
    from recon_assets.configuration import Configuration
    from recon_assets.reports.dagster_pages import PROVEN_CHECK, STAGES, DagsterPages

    pages = DagsterPages(base_url)
    for name, config in sorted(Configuration.load(settings).processors.items()):
        typer.secho(f"{config.title}{f', {day}' if day else ''}", bold=True)
        if day is None:
            _print_link("graph", pages.graph(name))
            _print_link("is a day proven?", pages.check(name, *PROVEN_CHECK))
            _print_link("reports by day", pages.asset(name, "report"))
            _print_link("discrepancies by day", pages.asset(name, "discrepancies"))
            _print_link("evidence by day", pages.asset(name, "archive"))
            _print_link("from report to raw feed", pages.lineage(name, "report"))
            _print_link("runs", pages.runs(name))
        else:
            for stage in STAGES:
                _print_link(stage.replace("_", " "), pages.asset(name, stage, day))
    if day is None:
        typer.secho("All", bold=True)
        _print_link("backfills", pages.backfills())


def _print_link(what: str, address: str) -> None:
    typer.echo(f"  {what:<24}{address}")
