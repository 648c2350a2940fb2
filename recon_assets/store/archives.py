"""What the record knows of archived evidence: the hash of each manifest, the chain of days, and what is to be shipped.

Not here: the files (`recon_assets.archive`) and shipping them (`recon_assets.assets.shipping`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.domain.messages import MessageKind
from recon_assets.store.errors import translated_errors
from recon_assets.store.outbox import put_message
from recon_assets.store.runs import assert_idle
from recon_assets.store.tenancy import TenantConnection

MAX_REASON_CHARACTERS: Final = 2_000
SHIPPING_LEASE: Final = timedelta(minutes=30)
"""How long an upload may take before somebody else ships the same archive: it does no harm, it only wastes bytes."""

_COLUMNS: Final = """
    a.run_id, r.version, a.processor_name AS processor, a.business_date, a.folder, r.manifest_sha256, a.file_count,
    a.size_bytes, a.archived_at, a.state, a.place, a.reason, a.attempts, a.due_at, a.shipped_at
"""
_ARCHIVES: Final = f"SELECT {_COLUMNS} FROM archives AS a INNER JOIN reconciliation_runs AS r ON r.id = a.run_id"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of one answer. `state` is local, shipping, waiting or shipped; `place` is the bucket."""

    run_id: UUID
    version: int
    processor: str
    business_date: date
    folder: str
    manifest_sha256: str
    file_count: int
    size_bytes: int
    archived_at: datetime
    state: str
    place: str | None
    reason: str | None
    attempts: int
    due_at: datetime
    shipped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Link:
    """An archived answer, as the manifest of a later one names it."""

    business_date: date
    run_id: UUID
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Unshipped:
    """How many archives are not in their bucket yet although they should, and since when the oldest is."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ArchivedCheck:
    """A check outcome as it is archived: everything that the record has about it.

    Its fields are those of `checks.json` in every archive, which is why it is not `current_answers.AnsweredCheck`.
    """

    asset_key: str
    check_name: str
    passed: bool
    severity: str
    description: str
    rows_checked: int
    failed_rows: int
    failed_rules: Mapping[str, int]
    facts: Mapping[str, int | str]
    checked_at: datetime


def previous_day(connection: TenantConnection, processor: str, business_date: date) -> Link | None:
    """The newest archived answer of the last day before `business_date` that has one; None when none has."""
    return _link(
        connection,
        """
        SELECT run_date AS business_date, id AS run_id, manifest_sha256 FROM reconciliation_runs
        WHERE processor_name = %s AND run_date < %s AND manifest_sha256 IS NOT NULL
        ORDER BY run_date DESC, version DESC LIMIT 1
        """,
        [processor, business_date],
    )


def previous_version(connection: TenantConnection, run_id: UUID) -> Link | None:
    """The archived answer of the same day that came before that of `run_id`; None when it is the first."""
    return _link(
        connection,
        """
        SELECT o.run_date AS business_date, o.id AS run_id, o.manifest_sha256
        FROM reconciliation_runs AS r
        INNER JOIN reconciliation_runs AS o
            ON o.processor_name = r.processor_name AND o.run_date = r.run_date AND o.version < r.version
        WHERE r.id = %s AND o.manifest_sha256 IS NOT NULL
        ORDER BY o.version DESC LIMIT 1
        """,
        [run_id],
    )


def checks_of_run(connection: TenantConnection, run_id: UUID) -> tuple[ArchivedCheck, ...]:
    """The outcomes that are linked to a published run, in the order in which they were found."""
    with (
        translated_errors("reading check outcomes"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(ArchivedCheck)) as cursor,
    ):
        return tuple(
            cursor.execute(
                """
                SELECT asset_key, check_name, passed, severity, description, rows_checked, failed_rows, failed_rules,
                    facts, checked_at
                FROM data_quality_checks WHERE run_id = %s ORDER BY checked_at, asset_key, check_name
                """,
                [run_id],
            )
        )


def record_archived(
    connection: TenantConnection,
    *,
    run_id: UUID,
    folder: str,
    manifest_sha256: str,
    file_count: int,
    size_bytes: int,
    to_be_shipped: bool,
) -> Archive:
    """Write down that the evidence of an answer is archived: the manifest's hash on the run, and the row of its files.

    Again it changes nothing, but that a local archive begins to be shipped when there is a bucket now. An archive that
    is to be shipped is leased to the caller for `SHIPPING_LEASE`; killed, he leaves it to the sensor. Raises
    `ArchiveUnreadable` when another manifest was recorded for the run: what is archived is never written again.
    """
    assert_idle(connection)
    facts = {
        "run_id": run_id,
        "folder": folder,
        "sha256": manifest_sha256,
        "files": file_count,
        "bytes": size_bytes,
        "state": "shipping" if to_be_shipped else "local",
        "lease": SHIPPING_LEASE,
    }
    with translated_errors("recording the archive"), connection.transaction():
        connection.execute(
            "UPDATE reconciliation_runs SET manifest_sha256 = %(sha256)s"
            " WHERE id = %(run_id)s AND manifest_sha256 IS NULL",
            facts,
        )
        connection.execute(
            """
            INSERT INTO archives (run_id, processor_name, business_date, folder, file_count, size_bytes, state, due_at)
            SELECT id, processor_name, run_date, %(folder)s, %(files)s, %(bytes)s, %(state)s,
                clock_timestamp() + %(lease)s
            FROM reconciliation_runs WHERE id = %(run_id)s
            ON CONFLICT ON CONSTRAINT one_archive_of_a_run DO NOTHING
            """,
            facts,
        )
        if to_be_shipped:
            connection.execute(
                "UPDATE archives SET state = 'shipping', due_at = clock_timestamp() + %(lease)s"
                " WHERE run_id = %(run_id)s AND state IN ('local', 'waiting')",
                facts,
            )
        archive = archive_of(connection, run_id)
        if archive is None or archive.manifest_sha256 != manifest_sha256:
            raise ArchiveUnreadable(
                "the archived evidence is not what the record says was archived",
                where=f"{folder}, run {run_id}",
                remedy="Restore the folder from a copy, such as its bucket: what is archived is never written again.",
            )
        return archive


def archive_of(connection: TenantConnection, run_id: UUID) -> Archive | None:
    """The archive of an answer; None when it is not archived, or was by a version that recorded none."""
    with (
        translated_errors("looking for the archive"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Archive)) as cursor,
    ):
        return cursor.execute(f"{_ARCHIVES} WHERE a.run_id = %s".encode(), [run_id]).fetchone()


def current_archive(connection: TenantConnection, processor: str, business_date: date) -> Archive | None:
    """The archive of the current answer of a day."""
    with (
        translated_errors("looking for the archive"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Archive)) as cursor,
    ):
        where = "WHERE a.processor_name = %s AND a.business_date = %s AND r.is_current"
        return cursor.execute(f"{_ARCHIVES} {where}".encode(), [processor, business_date]).fetchone()


def take_unshipped(
    connection: TenantConnection, *, limit: int, at_once: bool = False, with_local: bool = False
) -> tuple[Archive, ...]:
    """The archives that are due to be shipped, the oldest first, leased to the caller.

    `at_once` takes also those that wait for their time, `with_local` also those of before there was a bucket.
    """
    with translated_errors("taking archives to ship"), connection.transaction():
        taken = connection.execute(
            """
            UPDATE archives SET state = 'shipping', due_at = clock_timestamp() + %(lease)s
            WHERE run_id IN (
                SELECT run_id FROM archives
                WHERE state IN ('shipping', 'waiting') AND due_at <= clock_timestamp()
                    OR %(at_once)s AND state = 'waiting'
                    OR %(with_local)s AND state = 'local'
                ORDER BY archived_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            RETURNING run_id
            """,
            {"lease": SHIPPING_LEASE, "limit": limit, "at_once": at_once, "with_local": with_local},
        ).fetchall()
        with connection.cursor(row_factory=class_row(Archive)) as cursor:
            ids = [run_id for (run_id,) in taken]
            query = f"{_ARCHIVES} WHERE a.run_id = ANY(%s) ORDER BY a.archived_at"
            return tuple(cursor.execute(query.encode(), [ids]))


def record_shipped(connection: TenantConnection, run_id: UUID, *, place: str) -> None:
    """All its files are in the bucket `place`, and were verified there. Once shipped it stays so."""
    with translated_errors("recording the shipping"), connection.transaction():
        connection.execute(
            """
            UPDATE archives
            SET state = 'shipped', place = %s, reason = NULL, attempts = attempts + 1, shipped_at = clock_timestamp()
            WHERE run_id = %s AND state <> 'shipped'
            """,
            [place, run_id],
        )


def record_waiting(connection: TenantConnection, run_id: UUID, *, reason: str, wait: timedelta) -> None:
    """The bucket did not take it: it is local, and due again after `wait`. Told once for each run.

    `reason` carries no payment values and no credentials.
    """
    said = reason[:MAX_REASON_CHARACTERS]
    with translated_errors("recording the waiting archive"), connection.transaction():
        marked: tuple[Any, ...] | None = connection.execute(
            """
            UPDATE archives
            SET state = 'waiting', reason = %s, attempts = attempts + 1, due_at = clock_timestamp() + %s
            WHERE run_id = %s AND state <> 'shipped'
            RETURNING processor_name, business_date
            """,
            [said, wait, run_id],
        ).fetchone()
        if marked is None:
            return
        put_message(
            connection,
            MessageKind.ARCHIVE_WAITING,
            run_id=run_id,
            payload={"processor": marked[0], "business_date": marked[1].isoformat(), "reason": said},
        )


def unshipped(connection: TenantConnection) -> Unshipped:
    """What waits for its bucket after an upload that failed, or that nobody finished in its time."""
    with (
        translated_errors("looking for archives that wait"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Unshipped)) as cursor,
    ):
        found = cursor.execute(
            """
            SELECT count(*) AS count, min(archived_at) AS oldest FROM archives
            WHERE state IN ('shipping', 'waiting') AND (state = 'waiting' OR due_at <= clock_timestamp())
            """
        ).fetchone()
        assert found is not None, "an aggregate without GROUP BY has a row"
        return found


def _link(connection: TenantConnection, query: str, parameters: list[object]) -> Link | None:
    with (
        translated_errors("looking for the archive before"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Link)) as cursor,
    ):
        return cursor.execute(query.encode(), parameters).fetchone()
