"""Once a day the last days of a processor again: an API can't be seen to have other records without being asked.

Not here: files, which can be seen (`late_files`). A day whose records are the same ends as `unchanged` and keeps its
answer; of one with other records the days around need no run, since matches across days are computed anew for them.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from recon_assets.assets.run_tags import LAUNCHED_BY
from recon_assets.automation.jobs import job_name
from recon_assets.configuration import ProcessorConfig

DAILY_AT_04_UTC: Final = "0 4 * * *"
"""After the newest day was run and was due."""


def late_records_schedules(config: ProcessorConfig) -> list[dg.ScheduleDefinition]:
    """The schedule of a processor; none where its configuration looks back no day."""
    look_back_days = config.late_records.look_back_days
    if not look_back_days:
        return []

    @dg.schedule(
        name=f"{job_name(config.name)}_late_records",
        cron_schedule=DAILY_AT_04_UTC,
        execution_timezone="UTC",
        job_name=job_name(config.name),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks {config.title} again for the {look_back_days} day(s) before its newest, daily at 04:00 UTC.",
    )
    def late_records(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        at = context.scheduled_execution_time
        newest = config.last_ended_business_date(at)
        days = [newest - timedelta(days=number) for number in range(look_back_days, 0, -1)]
        asked = [day for day in days if day >= config.start_date]
        if not asked:
            return dg.SkipReason(f"{config.title} starts on {config.start_date}: there is no day before {newest}.")
        return [
            dg.RunRequest(
                run_key=f"{day}:late records:{at:%Y-%m-%d}",
                partition_key=day.isoformat(),
                tags={LAUNCHED_BY: "late records"},
            )
            for day in asked
        ]

    return [late_records]
