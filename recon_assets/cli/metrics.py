"""`recon metrics`: the state of the record for Prometheus, served, printed once, or pushed."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon_assets.domain.errors import ReconError
    from recon_assets.domain.readings import Reading
    from recon_assets.observability.metrics import RecordCollector
    from recon_assets.resources.record import Record
    from recon_assets.settings import Settings

PORT: Final = 9470
LOOPBACK: Final = "127.0.0.1"
PUSH_JOB: Final = "recon"
PUSH_TIMEOUT_S: Final = 10.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(metrics)


def metrics(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where to serve.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on; the figures have no login.")] = LOOPBACK,
    once: Annotated[bool, typer.Option("--once", help="Print the text format and end.")] = False,
    push: Annotated[str | None, typer.Option(help="The URL of a Pushgateway: push once and end.")] = None,
) -> None:
    """Tell Prometheus the state of the record: verdicts, money at stake, lag, what waits. See docs/observability.md."""
    from recon_assets.resources.record import Record

    if once and push is not None:
        raise typer.BadParameter("--once prints and --push pushes: give one of them")
    settings = load_settings()
    with closing(Record(settings)) as record:
        if once or push is not None:
            _tell_once(settings, record, push=push)
        else:
            _serve(settings, record, host=host, port=port)


def _tell_once(settings: "Settings", record: "Record", *, push: str | None) -> None:
    """Raises what the reading raises: half an answer would be taken for a whole one."""
    from recon_assets.observability.metrics import exposition, registry_of

    def failed(error: "ReconError") -> None:
        raise error

    collector = _collector(settings, record, failed)
    if push is None:
        typer.echo(exposition(collector), nl=False)
        return
    from urllib.error import HTTPError

    from prometheus_client import push_to_gateway

    from recon_assets.domain.errors import ChannelUnavailable

    try:
        push_to_gateway(push, job=PUSH_JOB, registry=registry_of(collector), timeout=PUSH_TIMEOUT_S)
    except (OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise ChannelUnavailable(
            f"the figures could not be pushed ({type(error).__name__})",
            where="--push",
            remedy="Check that the URL is that of a Pushgateway and that it answers.",
        ) from error


def _serve(settings: "Settings", record: "Record", *, host: str, port: int) -> None:
    from prometheus_client import start_http_server

    from recon_assets.domain.errors import ConfigurationError
    from recon_assets.observability.metrics import registry_of

    def failed(error: "ReconError") -> None:
        typer.secho(f"recon: {error}", fg="red", err=True)

    registry = registry_of(_collector(settings, record, failed))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"can't listen: {error.strerror}",
            where=f"{host}:{port}",
            remedy="Give another --port or --host.",
        ) from error
    typer.secho(f"Metrics on http://{host}:{server.server_port}/metrics; Ctrl-C ends.", err=True)
    try:
        thread.join()
    except KeyboardInterrupt:
        server.shutdown()
        server.server_close()


def _collector(settings: "Settings", record: "Record", failed: "Callable[[ReconError], None]") -> "RecordCollector":
    from datetime import UTC, datetime
    from importlib.metadata import version
    from threading import Lock

    from recon_assets.configuration import Configuration
    from recon_assets.domain.readings import WatchedProcessor
    from recon_assets.observability.metrics import RecordCollector
    from recon_assets.store.readings import read_all

    processors = Configuration.load(settings).processors.values()
    one_at_a_time = Lock()

    def read() -> "Reading":
        at = datetime.now(UTC)
        watched = []
        for config in processors:
            until = config.last_ended_business_date(at)
            watched.append(WatchedProcessor(config.name, config.start_date, until, config.business_day(until).ends_at))
        with one_at_a_time, record.connect() as connection:
            return read_all(connection, watched, at=at)

    return RecordCollector(read, release=version("recon-assets"), failed=failed)
