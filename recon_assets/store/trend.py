"""How a processor has done lately: its current answers day by day, and what is still open. Nothing is changed here."""

from datetime import date, timedelta
from typing import Final

from psycopg.types.numeric import IntLoader

from recon_assets.domain.trend import AnsweredDay, OpenDiscrepancies
from recon_assets.domain.verdict import Verdict
from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

OLDEST_OPEN_DAYS: Final = 400
"""Open discrepancies of older days are not looked at: `v_open_discrepancies` has them."""


def answered_days(connection: TenantConnection, processor: str, *, until: date, days: int) -> tuple[AnsweredDay, ...]:
    """The current answers of the last `days` days up to `until`, by date. A day without one is left out."""
    with translated_errors("reading the trend"), connection.transaction(), connection.cursor() as cursor:
        cursor.adapters.register_loader("numeric", IntLoader)
        found: dict[date, tuple[Verdict, int, dict[str, int]]] = {}
        for day, verdict, count, currency, amount in cursor.execute(
            """
            SELECT r.run_date, r.verdict, r.discrepancy_count, p.currency, p.discrepancy_amount_minor
            FROM reconciliation_runs AS r
            LEFT JOIN reconciliation_proofs AS p ON r.tenant_id = p.tenant_id AND r.id = p.run_id
            WHERE r.processor_name = %s AND r.run_date BETWEEN %s AND %s AND r.is_current AND r.verdict IS NOT NULL
            ORDER BY r.run_date, p.currency
            """,
            [processor, until - timedelta(days=days - 1), until],
        ):
            _, _, amounts = found.setdefault(day, (Verdict(verdict), count, {}))
            if currency is not None:
                amounts[currency] = amount
        return tuple(AnsweredDay(day, *answered) for day, answered in found.items())


def open_discrepancies_by_age(
    connection: TenantConnection, processor: str, *, on: date
) -> tuple[OpenDiscrepancies, ...]:
    """What is open of the days up to `on`, by its age on that day: 0-1, 2-7, 8-30, over 30 days; as it is now."""
    with translated_errors("reading open discrepancies"), connection.transaction(), connection.cursor() as cursor:
        cursor.adapters.register_loader("numeric", IntLoader)
        return tuple(
            OpenDiscrepancies(*row)
            for row in cursor.execute(
                """
                SELECT
                    CASE
                        WHEN %(on)s - business_date <= 1 THEN '0-1'
                        WHEN %(on)s - business_date <= 7 THEN '2-7'
                        WHEN %(on)s - business_date <= 30 THEN '8-30'
                        ELSE 'over 30'
                    END AS bucket,
                    currency, count(*), sum(abs(amount_minor::numeric))
                FROM v_open_discrepancies
                WHERE processor_name = %(processor)s AND business_date BETWEEN %(since)s AND %(on)s
                GROUP BY bucket, currency ORDER BY currency, bucket
                """,
                {"processor": processor, "on": on, "since": on - timedelta(days=OLDEST_OPEN_DAYS)},
            )
        )
