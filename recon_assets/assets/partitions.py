"""The daily partitions: one per business date, the same key everywhere, `YYYY-MM-DD`."""

import dagster as dg

from recon_assets.configuration import ProcessorConfig


def daily_partitions(config: ProcessorConfig) -> dg.DailyPartitionsDefinition:
    """Business dates of one processor, from its first day on. Keys are names of days, so their zone is UTC."""
    return dg.DailyPartitionsDefinition(start_date=config.start_date.isoformat(), timezone="UTC")
