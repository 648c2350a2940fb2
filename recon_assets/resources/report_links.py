"""Addresses that lead to and from reports.

Those in the archive's bucket are for messages: made when one is sent, and kept nowhere. That of the Dagster UI is
configuration: reports keep the links that were made with it.
"""

from dataclasses import dataclass
from uuid import UUID

from recon_assets.archive.shipping import presigned_report_url
from recon_assets.domain.errors import ReconError
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.record import Record
from recon_assets.store.archives import archive_of


@dataclass(frozen=True, slots=True)
class DagsterUi:
    """Where people open the Dagster UI, for links in reports; None when it is not configured."""

    base_url: str | None


class BucketLinks:
    """Links of 24 hours, where a report was shipped."""

    def __init__(self, record: Record, bucket: EvidenceBucket) -> None:
        self._record = record
        self._bucket = bucket

    def link(self, run_id: UUID) -> str | None:
        """None without a bucket, for what is not there yet, and when the bucket can't be reached: a message goes on."""
        if not self._bucket.is_configured:
            return None
        try:
            with self._record.connect() as connection:
                archive = archive_of(connection, run_id)
            if archive is None or archive.state != "shipped":
                return None
            return presigned_report_url(self._bucket.opened(), prefix=archive.folder)
        except ReconError:
            return None
