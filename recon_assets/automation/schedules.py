"""Daily at 01:00 UTC: the last business date of each processor that is over by then."""

from typing import Final

import dagster as dg

from recon_assets.automation.jobs import job_name
from recon_assets.configuration import ProcessorConfig

DAILY_AT_01_UTC: Final = "0 1 * * *"


def daily_schedule(config: ProcessorConfig) -> dg.ScheduleDefinition:
    """For a processor in UTC that is yesterday; west of it, where that day is not over yet, the day before."""

    @dg.schedule(
        name=f"{job_name(config.name)}_daily",
        cron_schedule=DAILY_AT_01_UTC,
        execution_timezone="UTC",
        job_name=job_name(config.name),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reconciles {config.title}'s last finished business date every day at 01:00 UTC.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = config.last_ended_business_date(context.scheduled_execution_time)
        if day < config.start_date:
            return dg.SkipReason(f"{config.title} starts on {config.start_date}; {day} is before it.")
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return daily
