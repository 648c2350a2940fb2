"""One sensor that tells people what happened: it puts notices for new events and delivers what is due.

What belongs here: Dagster's part. The work of a round is `resources.notifications`. Not a `run_failure_sensor`: that
one loses its mail when the mail server is down, since its cursor goes on; here everything waits in the outbox.
"""

from typing import Final

import dagster as dg

from recon_assets.notifications.delivery import Round
from recon_assets.resources.notifications import Notifier

SENSOR_NAME: Final = "notifications"
TICK_INTERVAL_S: Final = 30
ROUND_S: Final = 10.0
"""Of deliveries in one tick. With the longest session of a mail server it stays below the 60 s that Dagster gives."""


class NotDelivered(Exception):
    """Makes the tick red. Nothing is lost: what did not arrive is in the outbox."""


def notifications_sensor() -> dg.SensorDefinition:
    """Ticks every half minute. A tick in which something did not arrive is a failed one and says why."""

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=TICK_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Delivers messages from the outbox: e-mail, chat and paging by config/notifications.yaml.",
    )
    def notifications(context: dg.SensorEvaluationContext, notifier: dg.ResourceParam[Notifier]) -> dg.SkipReason:
        told = notifier.round(longest_s=ROUND_S)
        if told.skipped_line:
            context.log.info(told.skipped_line)
        if told.round.failed:
            raise NotDelivered(summary(told.round))
        return dg.SkipReason(" ".join(filter(None, [summary(told.round), told.skipped_line])))

    return notifications


def summary(done: Round) -> str:
    """One line: how many arrived, wait again and were given up, and why."""
    if not (done.delivered or done.failed):
        return "Nothing to deliver."
    parts = [f"{done.delivered} delivered", f"{done.postponed} to be tried again", f"{done.given_up} given up"]
    if done.may_have_arrived:
        parts.append(f"{done.may_have_arrived} may arrive twice")
    problems = "; ".join(f"{problem} ({count})" for problem, count in done.problems.items())
    return ", ".join(parts) + (f": {problems}" if problems else ".")
