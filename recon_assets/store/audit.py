"""Sealing the audit log, and its head: the number and hash that are to be kept outside the database.

Not here: what is hashed (`audit_format`) and whether it is still so (`audit_verification`).
"""

import logging
from typing import Final

from psycopg.rows import class_row

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store.audit_format import Seal
from recon_assets.store.errors import translated_errors
from recon_assets.store.runs import assert_idle
from recon_assets.store.tenancy import TenantConnection

SEAL_WAIT_MS: Final = 5_000
"""How long sealing waits for transactions that have written events to end."""

WAIT_AFTER_PUBLISHING_MS: Final = 2_000

SEAL_COLUMNS: Final = """
    seal_no, prev_hash, from_seq, to_seq, row_count, merkle_root,
    (extract(EPOCH FROM sealed_at) * 1000000)::bigint AS sealed_at_us, seal_hash
"""

_log = logging.getLogger(__name__)


def seal_audit(connection: TenantConnection, *, wait_ms: int = SEAL_WAIT_MS) -> list[Seal]:
    """Seal every committed event in a transaction of its own; returns the new seals, oldest first.

    Raises `StoreUnavailable` when writers do not end within `wait_ms`: nothing is lost, the next call seals it.
    """
    assert_idle(connection)
    with translated_errors("sealing the audit log"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        with connection.cursor(row_factory=class_row(Seal)) as cursor:
            return cursor.execute(f"SELECT {SEAL_COLUMNS} FROM seal_audit(%s)", [wait_ms]).fetchall()  # noqa: S608


def seal_what_was_published(connection: TenantConnection) -> None:
    """Seal after a publication, which stands also when this fails: that is logged, and the next one seals."""
    try:
        seal_audit(connection, wait_ms=WAIT_AFTER_PUBLISHING_MS)
    except (StoreUnavailable, StoreRefused) as problem:
        _log.warning("The run is published; its audit events are not sealed yet: %s", problem)


def seal_and_head(connection: TenantConnection) -> tuple[int, str] | None:
    """Number and hash in hex of the newest seal, after sealing what can be sealed now. None before the first."""
    seal_what_was_published(connection)
    with translated_errors("reading the audit log's head"), connection.transaction():
        row = connection.execute("SELECT seal_no, encode(seal_hash, 'hex') FROM audit_head()").fetchone()
        return (row[0], row[1]) if row else None


def last_seal(connection: TenantConnection) -> Seal | None:
    """The head of the chain, None before the first seal."""
    with (
        translated_errors("reading the last seal"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Seal)) as cursor,
    ):
        query = f"SELECT {SEAL_COLUMNS} FROM audit_seals ORDER BY seal_no DESC LIMIT 1"  # noqa: S608
        return cursor.execute(query).fetchone()
