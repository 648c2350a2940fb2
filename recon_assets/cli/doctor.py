"""`recon doctor`: is everything there that a run needs? Each component healthy, or the reason."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from recon_assets.cli.options import load_settings
from recon_assets.domain.errors import ReconError
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from recon_assets.configuration import Configuration
    from recon_assets.settings import Settings
    from recon_assets.store.health import HealthStatus


@dataclass(frozen=True, slots=True)
class Seen:
    """A component that works: what it is, and why that is not as it should be, if it is not."""

    what: str
    warnings: tuple[str, ...] = ()


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
    """Check database, storage, every feed, what is to be told, and whether a day has no conclusion.

    What was found is written to `system_health`. Exit code 1 if one is down.
    """
    from rich.markup import escape
    from rich.table import Table

    from recon_assets.cli.console import open_console
    from recon_assets.store.health import HealthStatus

    settings = load_settings()
    findings = _findings(settings)
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


def _findings(settings: "Settings") -> list[Finding]:
    from recon_assets.configuration import Configuration
    from recon_assets.resources.feeds import SANDBOX_SOURCE, Feeds
    from recon_assets.store.health import HealthStatus

    configuration = Configuration.load(settings)
    feeds = Feeds(settings)

    def probe(component: str, look: Callable[[], Seen]) -> Finding:
        started = time.perf_counter()
        try:
            seen = look()
            status = HealthStatus.DEGRADED if seen.warnings else HealthStatus.HEALTHY
            reason = "; ".join((seen.what, *seen.warnings))
        except ReconError as error:
            status, reason = HealthStatus.DOWN, str(error)
        except OSError as error:
            status, reason = HealthStatus.DOWN, f"{type(error).__name__}: {error.strerror}"
        return Finding(component, status, reason, (time.perf_counter() - started) * 1000)

    found = [probe("database", lambda: _database(settings)), probe("storage", lambda: _storage(settings))]
    for config in configuration.processors.values():
        for side in Side:

            def feed(config=config, side=side) -> Seen:  # type: ignore[no-untyped-def]
                feeds.adapter(config, side).probe()
                source = feeds.source(config, side)
                is_sandbox = source == SANDBOX_SOURCE and not settings.uses_embedded_database
                return Seen(source, ("beside a database of your own",) if is_sandbox else ())

            found.append(probe(f"{config.name} {side} feed", feed))
    found.append(probe("archive", lambda: _archive(settings, has_record=found[0].status is not HealthStatus.DOWN)))
    if found[0].status is not HealthStatus.DOWN:
        found.append(probe("messages", lambda: _messages(settings, configuration)))
        found.append(probe("unproven days", lambda: _unproven(settings, configuration)))
        if settings.smtp_server is not None:
            found.append(probe("e-mail", lambda: _mail_server(settings, configuration)))
        recorded = probe("system_health", lambda: _recorded(settings, found))
        if recorded.status is HealthStatus.DOWN:
            found.append(recorded)
    return found


def _recorded(settings: "Settings", found: Sequence[Finding]) -> Seen:
    from recon_assets.store.database import open_database
    from recon_assets.store.health import record_health

    with open_database(settings) as database, database.connect() as connection:
        for finding in found:
            record_health(
                connection,
                component=finding.component,
                status=finding.status,
                latency_ms=finding.latency_ms,
                reason=finding.reason or None,
            )
    return Seen("written")


def _database(settings: "Settings") -> Seen:
    """Also what the login itself could do: its connections act as a role that can do less."""
    from recon_assets.store.database import open_database
    from recon_assets.store.pool import room_for
    from recon_assets.store.roles import powers_beyond
    from recon_assets.store.transport import protection_of

    with open_database(settings) as database, database.connect(read_only=True) as connection:
        version = connection.info.parameter_status("server_version")
        protection = protection_of(connection)
        room = room_for(connection)
        warnings = [protection.warning] if protection.warning else []
        if powers := powers_beyond(connection):
            warnings.append(f"its login {database.user} could do more than the application needs: {', '.join(powers)}")
        if room < settings.db_pool_size:
            warnings.append(f"lower DB_POOL_SIZE={settings.db_pool_size}, or raise the server's limit of connections")
        where = "embedded" if settings.uses_embedded_database else f"{database.where}, {protection}"
        return Seen(f"PostgreSQL {version}, {where}, room for {room} more connections", tuple(warnings))


def _messages(settings: "Settings", configuration: "Configuration") -> Seen:
    """Down when messages were given up, or wait for longer than a day."""
    from contextlib import closing

    from recon_assets.domain.errors import ChannelUnavailable
    from recon_assets.resources.notifications import Notifier
    from recon_assets.resources.record import Record

    with closing(Record(settings)) as record:
        backlog = Notifier(settings, record, configuration).backlog()
    if backlog.problem:
        raise ChannelUnavailable(
            f"{backlog}; {backlog.problem}",
            where="outbox",
            remedy="Mend the channel, then `recon notify --again`.",
        )
    return Seen(str(backlog))


def _unproven(settings: "Settings", configuration: "Configuration") -> Seen:
    """Business days that are due and have no conclusion, also those that nobody ever ran. They stop no run."""
    from recon_assets.cli.unproven import unproven_of

    days = unproven_of(settings, configuration)
    if not days:
        return Seen("every business day that is due has a conclusion")
    newest = days[-1]
    return Seen(
        f"{len(days):,} business day(s) without a conclusion",
        (f"the newest is {newest.processor} {newest.business_date}: `recon status --unproven` names them",),
    )


def _mail_server(settings: "Settings", configuration: "Configuration") -> Seen:
    from recon_assets.notifications.reports import NoLinks
    from recon_assets.resources.channels import Channels

    server = Channels(settings, configuration, NoLinks()).mail_server()
    assert server is not None, "looked at only where one is configured"
    return Seen(server.probe())


def _archive(settings: "Settings", *, has_record: bool) -> Seen:
    """The bucket, and what waits for it."""
    from recon_assets.resources.evidence_bucket import EvidenceBucket
    from recon_assets.store.archives import unshipped
    from recon_assets.store.database import open_database

    bucket = EvidenceBucket(settings).opened()
    warnings: list[str] = []
    if has_record:
        with open_database(settings) as database, database.connect(read_only=True) as connection:
            waiting = unshipped(connection)
        if waiting.count:
            warnings.append(
                f"{waiting.count} archive(s) wait for the bucket, since {waiting.oldest:%Y-%m-%d %H:%M} UTC"
            )
    if bucket is None:
        return Seen("local folder; no S3 bucket is configured", tuple(warnings))
    try:
        bucket.probe()
    except ReconError as error:
        return Seen(f"local folder until the bucket is back: {error}", (*warnings, "new archives will wait"))
    return Seen(bucket.place, tuple(warnings))


def _storage(settings: "Settings") -> Seen:
    """Writable, and with room: DuckDB spills there and every day leaves its evidence."""
    import shutil
    import tempfile

    free = 0
    for folder in (settings.storage_root, settings.reports_dir):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"recon")
        free = shutil.disk_usage(folder).free
        if free >> 20 < settings.free_disk_mib:
            wanted = settings.free_disk_mib
            raise OSError(28, f"only {free >> 20} MiB free in {folder.name}; RECON_FREE_DISK_MIB wants {wanted}")
    return Seen(f"{free >> 30} GiB free")
