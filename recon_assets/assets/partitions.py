"""The daily partitions: one per business date, the same key everywhere, `YYYY-MM-DD`."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from recon_assets.configuration import ProcessorConfig


def daily_partitions(config: ProcessorConfig) -> dg.DailyPartitionsDefinition:
    """Business dates of one processor, from its first day on. Keys are names of days, so their zone is UTC."""
    return dg.DailyPartitionsDefinition(start_date=config.start_date.isoformat(), timezone="UTC")


def last_ended_business_date(config: ProcessorConfig, at: datetime) -> date:
    """The latest business date that is over at the instant `at`, in the processor's own zone and cut-off."""
    candidate = at.astimezone(UTC).date()
    while config.business_day(candidate).ends_at > at:
        candidate -= timedelta(days=1)
    return candidate
