"""`recon doctor`: is everything there that a run needs? Each component healthy, or the reason."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from recon_assets.cli.options import load_settings
from recon_assets.domain.errors import ReconError
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from recon_assets.settings import Settings
    from recon_assets.store.health import HealthStatus

FREE_BYTES_WANTED = 1 << 30
TOO_POWERFUL = "could do more than the application needs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One component. `reason` says why it is not healthy, or what it is."""

    component: str
    status: "HealthStatus"
    reason: str
    latency_ms: float


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor() -> None:
    """Check database, storage and every feed; write what was found to `system_health`. Exit code 1 if one is down."""
    from rich.markup import escape
    from rich.table import Table

    from recon_assets.cli.console import open_console
    from recon_assets.store.health import HealthStatus

    settings = load_settings()
    findings = list(_findings(settings))
    colour = {HealthStatus.HEALTHY: "green", HealthStatus.DEGRADED: "yellow", HealthStatus.DOWN: "red"}
    table = Table(header_style="bold")
    for heading in ("Component", "State", "Latency", "Reason"):
        table.add_column(heading)
    for finding in findings:
        table.add_row(
            finding.component,
            f"[{colour[finding.status]}]{finding.status.value}[/]",
            f"{finding.latency_ms:.0f} ms",
            escape(finding.reason),
        )
    open_console().print(table)
    raise typer.Exit(1 if any(finding.status is HealthStatus.DOWN for finding in findings) else 0)


def _findings(settings: "Settings") -> Iterator[Finding]:
    from recon_assets.configuration import Configuration
    from recon_assets.resources.feeds import SANDBOX_SOURCE, Feeds
    from recon_assets.store.database import open_database
    from recon_assets.store.health import HealthStatus, record_health

    configuration = Configuration.load(settings)
    feeds = Feeds(settings)
    found: list[Finding] = []

    def probe(component: str, look: Callable[[], str]) -> None:
        started = time.perf_counter()
        status, reason = HealthStatus.HEALTHY, ""
        try:
            reason = look()
        except ReconError as error:
            status, reason = HealthStatus.DOWN, str(error)
        except OSError as error:
            status, reason = HealthStatus.DOWN, f"{type(error).__name__}: {error.strerror}"
        is_sandbox = reason == SANDBOX_SOURCE and not settings.uses_embedded_database
        if status is HealthStatus.HEALTHY and (is_sandbox or TOO_POWERFUL in reason):
            status = HealthStatus.DEGRADED
        found.append(Finding(component, status, reason, (time.perf_counter() - started) * 1000))

    probe("database", lambda: _database(settings))
    probe("storage", lambda: _storage(settings))
    for config in configuration.processors.values():
        for side in Side:

            def feed(config=config, side=side) -> str:  # type: ignore[no-untyped-def]
                feeds.adapter(config, side).probe()
                return feeds.source(config, side)

            probe(f"{config.name} {side} feed", feed)
    if found[0].status is not HealthStatus.DOWN:
        with open_database(settings) as database, database.connect() as connection:
            for finding in found:
                record_health(
                    connection,
                    component=finding.component,
                    status=finding.status,
                    latency_ms=finding.latency_ms,
                    reason=finding.reason or None,
                )
    yield from found


def _database(settings: "Settings") -> str:
    """Also what the login itself could do: its connections act as a role that can do less."""
    from recon_assets.store.database import open_database
    from recon_assets.store.roles import powers_beyond

    with open_database(settings) as database, database.connect(read_only=True) as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
        assert row is not None, "a SELECT without FROM has a row"
        powers = powers_beyond(connection)
        warning = f"; its login {database.user} {TOO_POWERFUL}: {', '.join(powers)}" if powers else ""
        return f"PostgreSQL {row[0]}, {'embedded' if settings.uses_embedded_database else database.where}{warning}"


def _storage(settings: "Settings") -> str:
    """Writable, and with room: DuckDB spills there and every day leaves its evidence."""
    import shutil
    import tempfile

    free = 0
    for folder in (settings.storage_root, settings.reports_dir):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"recon")
        free = shutil.disk_usage(folder).free
        if free < FREE_BYTES_WANTED:
            raise OSError(28, f"only {free >> 20} MiB free in {folder.name}")
    return f"{free >> 30} GiB free"
