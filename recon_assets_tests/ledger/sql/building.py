"""A ledger in a database, for tests: SQLite in a file, or a database of the session's PostgreSQL."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.records import Side
from recon_assets.ledger.sql.adapter import SqlLedgerAdapter
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets_tests.sandbox.reading import Reading, reading_of

URL_ENV = "LEDGER_DATABASE_URL"
DAY = business_day("stripe", date(2025, 9, 30))
QUERY = """\
SELECT entry_id, amount, currency, state, booked_at
FROM entries
WHERE processor = :processor AND booked_at >= :starts_at AND booked_at < :ends_at
ORDER BY entry_id
"""
DESCRIPTION: dict[str, Any] = {
    "url_env": URL_ENV,
    "query": QUERY,
    "columns": {
        "transaction_id": "entry_id",
        "amount": "amount",
        "currency": "currency",
        "status": "state",
        "occurred_at": "booked_at",
    },
    "times": {"time_zone": "UTC"},
    "statuses": {"posted": "completed"},
}
ENTRY = ("a", "12.30", "USD", "posted", "2025-09-30 10:00:00", "stripe")


def described(**changes: Any) -> SqlLedgerFeed:
    return SqlLedgerFeed.model_validate(DESCRIPTION | changes)


def ledger(config_dir: Path = Path("nowhere"), **changes: Any) -> SqlLedgerAdapter:
    feed = described(**changes)
    return SqlLedgerAdapter("stripe", feed, feed.query_text(config_dir))


def read(adapter: SqlLedgerAdapter, day: BusinessDay = DAY) -> Reading:
    return reading_of(adapter, day, Side.LEDGER)


def sqlite_file(path: Path, entries: Sequence[tuple[Any, ...]], *, amount_type: str = "TEXT") -> str:
    """Make the file anew and return its URL."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f"CREATE TABLE entries (entry_id TEXT, amount {amount_type}, currency TEXT, state TEXT,"
            " booked_at TEXT, processor TEXT)"
        )
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", entries)
        connection.commit()
    return f"sqlite:///{path}"
