"""Fetch and read one feed the way a run does."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds.adapter import Adapter
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.raw import RawFeed, RawFeedWriter

SAMPLE_DAY = business_day("stripe", date(2025, 9, 30))
QUICK = HttpLimits(
    connect_timeout_s=2.0, read_timeout_s=2.0, deadline_s=5.0, attempts=3, backoff_s=0.001, backoff_max_s=0.001
)


@dataclass(frozen=True)
class Reading:
    raw: RawFeed
    rows: list[dict[str, Any]]
    rejected: list[RejectedRow]
    bodies: list[bytes]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def reading_of(adapter: Adapter, day: BusinessDay = SAMPLE_DAY, side: Side = Side.PROCESSOR) -> Reading:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with RawFeedWriter(storage_root=root, folder="feed", day=day, side=side, feed_kind=adapter.kind) as writer:
            adapter.fetch(day, writer)
            raw = writer.finish()
        chunks = list(adapter.read(raw, root / "feed", day))
        bodies = [(root / "feed" / file.name).read_bytes() for file in raw.files]
    return Reading(
        raw=raw,
        rows=[row for chunk in chunks for row in chunk.rows.to_pylist()],
        rejected=[row for chunk in chunks for row in chunk.rejected],
        bodies=bodies,
    )
