"""Until when the daily report has to be there, for the freshness that Dagster's daemon looks at.

It sees that some report of a processor was made, not of which day: that every day has one is `automation.completeness`.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

DAILY_REPORT: Final = dg.FreshnessPolicy.cron(
    deadline_cron="0 3 * * *", lower_bound_delta=timedelta(hours=2), timezone="UTC"
)
"""Made between 01:00 UTC, when the daily schedule asks for it, and 03:00, when the day is due."""
