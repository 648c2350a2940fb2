"""What health probes found, as rows. Not here: the probes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection


class HealthStatus(StrEnum):
    """DEGRADED works, but not as it should."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """The latest finding about one component."""

    component: str
    status: str
    check_time: datetime
    reason: str | None
    details: dict[str, Any]


def record_health(
    connection: TenantConnection,
    *,
    component: str,
    status: HealthStatus,
    latency_ms: float | None = None,
    reason: str | None = None,
    details: Mapping[str, int | str] | None = None,
) -> None:
    """Keep one finding. Anything but HEALTHY has a reason; neither it nor the details hold payment values."""
    with translated_errors("recording health"), connection.transaction():
        connection.execute(
            """
            INSERT INTO system_health (component, status, latency_ms, reason, details) VALUES (%s, %s, %s, %s, %s)
            """,
            [component, str(status), latency_ms, reason, Jsonb(dict(details or {}))],
        )


def latest_health(connection: TenantConnection) -> tuple[Health, ...]:
    """The newest finding about each component, by name."""
    with (
        translated_errors("reading health"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Health)) as cursor,
    ):
        cursor.execute(
            """
            -- from one component to the next in the index: DISTINCT ON would read every finding ever made
            WITH RECURSIVE components AS (
                SELECT min(component) AS component FROM system_health
                UNION ALL
                SELECT (SELECT min(h.component) FROM system_health AS h WHERE h.component > c.component)
                FROM components AS c WHERE c.component IS NOT NULL
            )
            SELECT found.* FROM components AS c CROSS JOIN LATERAL (
                SELECT h.component, h.status, h.check_time, h.reason, h.details FROM system_health AS h
                WHERE h.component = c.component ORDER BY h.check_time DESC LIMIT 1
            ) AS found
            ORDER BY found.component
            """
        )
        return tuple(cursor.fetchall())
