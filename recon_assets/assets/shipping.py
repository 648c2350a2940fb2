"""Evidence to its bucket, and what becomes of it when the bucket does not take it: it waits in the record.

Called by the archive asset, by the sensor and by `recon archive ship`. Not here: the upload (`recon_assets.archive`)
and the rows (`recon_assets.store.archives`).
"""

from datetime import timedelta
from typing import Final

from recon_assets.archive.shipping import ship_folder
from recon_assets.domain.errors import ReconError
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.store.archives import Archive, archive_of, record_shipped, record_waiting, take_unshipped

FIRST_WAIT: Final = timedelta(minutes=2)
LONGEST_WAIT: Final = timedelta(hours=6)
_DOUBLINGS: Final = 8


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed: twice as long each time, up to `LONGEST_WAIT`."""
    times: int = 2 ** min(max(attempts - 1, 0), _DOUBLINGS)
    return min(LONGEST_WAIT, FIRST_WAIT * times)


def ship(record: Record, storage: Storage, bucket: EvidenceBucket, archive: Archive) -> Archive:
    """Ship one archive that is leased to the caller, and write down what came of it. Never raises for the bucket.

    No connection is held while bytes travel.
    """
    reason: str | None = None
    place = ""
    try:
        opened = bucket.opened()
        if opened is None:
            reason = "no S3 bucket is configured any more (AWS_S3_BUCKET_NAME)"
        else:
            place = opened.place
            ship_folder(
                opened,
                storage.archive / archive.folder,
                prefix=archive.folder,
                manifest_sha256=archive.manifest_sha256,
            )
    except ReconError as error:
        reason = str(error)
    except OSError as error:
        reason = f"the local copy can't be read ({type(error).__name__}: {error.strerror})"
    with record.connect() as connection:
        if reason is None:
            record_shipped(connection, archive.run_id, place=place)
        else:
            record_waiting(connection, archive.run_id, reason=reason, wait=wait_after(archive.attempts + 1))
        after = archive_of(connection, archive.run_id)
    assert after is not None, "what is archived is never deleted"
    return after


def ship_due(
    record: Record,
    storage: Storage,
    bucket: EvidenceBucket,
    *,
    limit: int,
    at_once: bool = False,
    with_local: bool = False,
) -> list[Archive]:
    """Ship what is due, one after another; what it became. A bucket that refuses one is not asked for the rest."""
    shipped: list[Archive] = []
    for _ in range(limit):
        with record.connect() as connection:
            taken = take_unshipped(connection, limit=1, at_once=at_once, with_local=with_local)
        if not taken:
            break
        shipped.append(ship(record, storage, bucket, taken[0]))
        if shipped[-1].state != "shipped":
            break
    return shipped
