"""Small builders of frames for the matching's tests, and for those of what comes after it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.schemas.frames import FRAME_SCHEMA, agreement_code


@dataclass(frozen=True)
class Record:
    """One record of a side: as much as the matching looks at, and what a report shows besides."""

    transaction_id: str
    amount_minor: int = 1000
    currency: str = "USD"
    status: str = "completed"
    second: int = 0
    merchant_id: str | None = "ACME"
    reference_number: str | None = None
    fee_minor: int | None = None
    raw_file: str = "page-00001.json"
    occurred_at: datetime | None = None
    """Noon and `second` seconds of 2025-09-30 in UTC, if left out."""
    record_id: str | None = None
    order_id: str | None = None
    payout_id: str | None = None
    transaction_type: str | None = "charge"
    movement: str | None = None
    net_minor: int | None = None

    @property
    def instant(self) -> datetime:
        """When it happened."""
        return self.occurred_at or datetime(2025, 9, 30, 12, 0, self.second, tzinfo=UTC)


def write_frame_file(path: Path, records: list[Record]) -> Path:
    rows = [
        {
            "seq": seq,
            "raw_file": record.raw_file,
            "record_number": seq + 1,
            "transaction_id": record.transaction_id,
            "record_id": record.record_id,
            "reference_number": record.reference_number,
            "order_id": record.order_id,
            "payout_id": record.payout_id,
            "merchant_id": record.merchant_id,
            "transaction_type": record.transaction_type,
            "movement": record.movement,
            "amount_minor": record.amount_minor,
            "currency": record.currency,
            "fee_minor": record.fee_minor,
            "net_minor": record.net_minor,
            "status": record.status,
            "occurred_at": record.instant,
            "agreement_code": agreement_code(record.currency, record.status),
        }
        for seq, record in enumerate(records)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=FRAME_SCHEMA), path)
    return path
