"""`recon archive`: where the evidence of days is, shipping what waits for its bucket, and a link to a report."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import DateArgument, ProcessorArgument, business_date, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from recon_assets.store.archives import Archive

MAX_SHIPPED: Final = 10_000
NO_BUCKET: Final = "no S3 bucket is configured"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The evidence of days: its bucket, and links to reports in it.", no_args_is_help=True)
    group.command("ship")(ship)
    group.command("url")(url)
    app.add_typer(group, name="archive")


def ship(
    with_local: Annotated[
        bool, typer.Option("--with-local", help="Also archives of before there was a bucket.")
    ] = False,
) -> None:
    """Ship every archive that waits for its bucket, now. Exit code 1 when the bucket refuses one."""
    from recon_assets.assets.shipping import ship_due
    from recon_assets.cli.console import open_console
    from recon_assets.domain.errors import ConfigurationError
    from recon_assets.resources.evidence_bucket import EvidenceBucket
    from recon_assets.resources.record import Record
    from recon_assets.resources.storage import Storage

    settings = load_settings()
    bucket = EvidenceBucket(settings)
    if not bucket.is_configured:
        raise ConfigurationError(NO_BUCKET, where="AWS_S3_BUCKET_NAME", remedy="Set it: docs/archive.md says how.")
    record = Record(settings)
    try:
        tried = ship_due(
            record, Storage.from_settings(settings), bucket, limit=MAX_SHIPPED, at_once=True, with_local=with_local
        )
    finally:
        record.close()
    console = open_console()
    for archive in tried:
        _print_shipped(console, archive)
    if not tried:
        console.print("No archive waits.")
    raise typer.Exit(0 if all(archive.state == "shipped" for archive in tried) else 1)


def url(processor: ProcessorArgument, day: DateArgument) -> None:
    """Print a link of 24 hours to the report of a day's current answer. It opens for whoever has it: keep it to you.

    It is made now and kept nowhere. With the credentials of a role it ends when these do, within hours.
    """
    from recon_assets.archive.shipping import presigned_report_url
    from recon_assets.configuration import Configuration
    from recon_assets.domain.errors import ConfigurationError, EvidenceGone
    from recon_assets.resources.evidence_bucket import EvidenceBucket
    from recon_assets.store.archives import current_archive
    from recon_assets.store.database import open_database

    settings = load_settings()
    wanted = business_date(day)
    Configuration.load(settings).processor(processor)
    bucket = EvidenceBucket(settings).opened()
    if bucket is None:
        raise ConfigurationError(
            f"{NO_BUCKET}, and a local archive has no link",
            where="AWS_S3_BUCKET_NAME",
            remedy=f"The report is below {settings.reports_dir.name}/.",
        )
    with open_database(settings) as database, database.connect(read_only=True) as connection:
        archive = current_archive(connection, processor, wanted)
    if archive is None or archive.state != "shipped":
        raise EvidenceGone(
            f"the report of {processor} {wanted} is not in the bucket" + (f": {archive.reason}" if archive else ""),
            where=bucket.place,
            remedy="`recon archive ship` ships what waits; a day that was not run has none.",
        )
    link = presigned_report_url(bucket, prefix=archive.folder)
    if link is None:
        raise EvidenceGone(
            f"the archive of {processor} {wanted} holds no report", where=archive.folder, remedy="`recon verify` it."
        )
    typer.echo(link)


def _print_shipped(console: "Console", archive: "Archive") -> None:
    from rich.markup import escape

    day = f"{archive.processor} {archive.business_date}"
    if archive.state == "shipped":
        console.print(f"{day}: shipped to {archive.place}/{archive.folder}", soft_wrap=True)
    else:
        console.print(f"[yellow]{day}[/] waits: {escape(archive.reason or '')}", soft_wrap=True)
