"""What the record knows of the days around one: which are concluded, and where the files are that their answers name.

Not here: reading those files, and the answers themselves (`history`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

OPEN_RECORDS: Final = "open_records"
OPEN_RECORDS_SHA256: Final = "open_records_sha256"
"""What an answer's evidence calls the file of the records that its day left open, and the hash of its bytes in hex."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The records that a concluded day left open. `path` is as the evidence says: below the storage's root."""

    run_id: UUID
    business_date: date
    path: str
    sha256: str


def open_files_between(connection: TenantConnection, processor: str, since: date, until: date) -> list[OpenFile]:
    """Those of the current concluded answers from `since` to `until`, both included, by date.

    An answer whose evidence names none, such as one of an earlier version, is left out.
    """
    with (
        translated_errors("looking for open records"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(OpenFile)) as cursor,
    ):
        return cursor.execute(
            """
            SELECT id AS run_id, run_date AS business_date, metadata -> 'evidence' ->> %(path)s AS path,
                metadata -> 'evidence' ->> %(sha256)s AS sha256
            FROM reconciliation_runs
            WHERE
                processor_name = %(processor)s AND run_date BETWEEN %(since)s AND %(until)s
                AND is_current AND status = 'completed'
                AND metadata -> 'evidence' ->> %(path)s IS NOT NULL
                AND metadata -> 'evidence' ->> %(sha256)s IS NOT NULL
            ORDER BY run_date
            """,
            {
                "path": OPEN_RECORDS,
                "sha256": OPEN_RECORDS_SHA256,
                "processor": processor,
                "since": since,
                "until": until,
            },
        ).fetchall()


def newest_concluded_date(connection: TenantConnection, processor: str) -> date | None:
    """The newest day whose current answer has a conclusion; None while there is none."""
    with translated_errors("looking for the newest day"), connection.transaction():
        row = connection.execute(
            """
            SELECT max(run_date) FROM reconciliation_runs
            WHERE processor_name = %s AND is_current AND status = 'completed'
            """,
            [processor],
        ).fetchone()
        return row[0] if row else None


def concluded_evidence(connection: TenantConnection, processor: str, business_date: date) -> Mapping[str, str]:
    """What the current answer of the day names as its evidence; nothing when the day has no conclusion."""
    with translated_errors("looking for the evidence of a day"), connection.transaction():
        row = connection.execute(
            """
            SELECT coalesce(metadata -> 'evidence', '{}') FROM reconciliation_runs
            WHERE processor_name = %s AND run_date = %s AND is_current AND status = 'completed'
            """,
            [processor, business_date],
        ).fetchone()
        return dict(row[0]) if row else {}
