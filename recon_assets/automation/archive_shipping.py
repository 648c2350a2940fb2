"""One sensor that ships the archives that wait for their bucket, with a longer wait after each failure.

What belongs here: Dagster's part. When an archive is due is said by the record, how it is shipped by `assets.shipping`.
"""

from typing import Final

import dagster as dg

from recon_assets.assets.shipping import ship_due
from recon_assets.automation.looking import Look
from recon_assets.domain.errors import ReconError
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.store.archives import Archive

SENSOR: Final = "ship_waiting_archives"
TICK_INTERVAL_S: Final = 120
PATIENCE_S: Final = 30
"""Of one tick with the bucket. Dagster gives up a tick after 60 s; what takes longer goes on beside it."""

ARCHIVES_A_TICK: Final = 20


def archive_shipping_sensor() -> dg.SensorDefinition:
    """Of all processors: they share a bucket, and with it its bad days."""
    look = Look[list[Archive]](patience_s=PATIENCE_S)

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=TICK_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ships archives that S3 did not take when their day was run, until they are there.",
    )
    def ship_waiting_archives(
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
        evidence_bucket: dg.ResourceParam[EvidenceBucket],
    ) -> dg.SkipReason:
        if not evidence_bucket.is_configured:
            return dg.SkipReason("No S3 bucket is configured (AWS_S3_BUCKET_NAME): archives stay local.")
        try:
            tried = look.at(
                lambda: ship_due(record, storage, evidence_bucket, limit=ARCHIVES_A_TICK), where="the archive's bucket"
            )
        except ReconError as error:
            return dg.SkipReason(f"Archives can't be shipped: {error}")
        return dg.SkipReason(_said(tried))

    return ship_waiting_archives


def _said(tried: list[Archive]) -> str:
    if not tried:
        return "No archive waits."
    shipped = [archive for archive in tried if archive.state == "shipped"]
    refused = [archive for archive in tried if archive.state != "shipped"]
    said = [f"{len(shipped)} archive(s) shipped."] if shipped else []
    said += [
        f"{archive.processor} {archive.business_date} waits until {archive.due_at:%Y-%m-%d %H:%M} UTC: {archive.reason}"
        for archive in refused
    ]
    return " ".join(said)
