"""A sensor per processor with feeds by files: a file that came late, or came again, asks for its day to be run again.

What belongs here: Dagster's part. Which files are late is said by `recon_assets.feeds.files.late`, when they have
rested by `settling`. One sensor per processor, so that a place that does not answer skips nobody else's ticks.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg

from recon_assets.assets.raw_feeds import STAGE_OF_SIDE
from recon_assets.assets.run_tags import LAUNCHED_BY
from recon_assets.automation.jobs import job_name
from recon_assets.automation.looking import Look
from recon_assets.automation.settling import Settled, from_cursor, settled, to_cursor
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.errors import ReconError
from recon_assets.domain.records import Side
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.late import days_in_look_back, late_by_day, versions_of
from recon_assets.feeds.files.places import PlacedFile
from recon_assets.feeds.raw import RawFeed
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.storage import Storage

TICK_INTERVAL_S: Final = 120
PATIENCE_S: Final = 20
"""Of one tick with a processor's places. Dagster gives up a tick after 60 s."""

_UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

FilesConfig = FilesDescription | PayPalSettlementFeed


@dataclass(frozen=True, slots=True)
class Seen:
    """What the places of a processor hold that was not used, by day and side, and when they were looked at."""

    late: Mapping[date, Mapping[Side, list[PlacedFile]]]
    at: datetime


def late_files_sensors(config: ProcessorConfig) -> list[dg.SensorDefinition]:
    """The sensor of a processor; none where neither side comes by files."""
    configured = feeds_by_files(config)
    if not configured:
        return []
    places = " and ".join(sorted({feed.folder for feed in configured.values()}))
    rest = timedelta(minutes=max(feed.late_files.settle_minutes for feed in configured.values()))
    look = Look[Seen](patience_s=PATIENCE_S)

    @dg.sensor(
        name=f"{job_name(config.name)}_late_files",
        job_name=job_name(config.name),
        minimum_interval_seconds=TICK_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs a business date of {config.title} again when a file of it came after it was run.",
    )
    def late_files(
        context: dg.SensorEvaluationContext, feeds: dg.ResourceParam[Feeds], storage: dg.ResourceParam[Storage]
    ) -> dg.SensorResult:
        try:
            seen = look.at(lambda: looked(config, feeds, storage, at=datetime.now(UTC)), where=places)
        except ReconError as error:
            return dg.SensorResult(skip_reason=f"{config.title}'s files can't be looked at: {error}")
        return _answer(config, context, seen, rest)

    return [late_files]


def feeds_by_files(config: ProcessorConfig) -> dict[Side, FilesConfig]:
    """The sides of a processor that come by files."""
    of_side = {Side.PROCESSOR: config.feed, Side.LEDGER: config.ledger}
    return {side: feed for side, feed in of_side.items() if isinstance(feed, FilesConfig)}


def looked(config: ProcessorConfig, feeds: Feeds, storage: Storage, *, at: datetime) -> Seen:
    """Compare both sides' places with the last stored raw feeds.

    Only days that were run before: the first run of a day is the schedule's. Raises what a place raises.
    """
    from recon_assets.feeds.files.adapter import FilesAdapter
    from recon_assets.processors.paypal.settlement_adapter import PayPalSettlementAdapter

    last_ended = config.last_ended_business_date(at)
    late: defaultdict[date, dict[Side, list[PlacedFile]]] = defaultdict(dict)
    for side, configured in feeds_by_files(config).items():
        days = days_in_look_back(configured.late_files, last_ended=last_ended, start_date=config.start_date)
        raw = {
            day: storage.latest_handle(RawFeed, processor=config.name, day=day.isoformat(), stage=STAGE_OF_SIDE[side])
            for day in days
            if storage.was_attempted(config.name, day.isoformat())
        }
        adapter = feeds.adapter(config, side)
        assert isinstance(adapter, FilesAdapter | PayPalSettlementAdapter), "a configuration of files is read as files"
        used = {day: stored.files if stored else () for day, stored in raw.items()}
        for day, files in late_by_day(adapter, used).items():
            late[day][side] = files
    return Seen(late, at)


def _answer(
    config: ProcessorConfig, context: dg.SensorEvaluationContext, seen: Seen, rest: timedelta
) -> dg.SensorResult:
    """Ask for the days whose late files have rested, unless a run of the day is on its way: it may use them."""
    late = {day.isoformat(): versions_of(files) for day, files in seen.late.items()}
    found = settled(from_cursor(context.cursor), late, at=seen.at, rest=rest)
    asked = [day for day in found.due if not _is_running(context.instance, config, day)]
    cursor = to_cursor(found.asked_for(frozenset(asked)))
    if not asked:
        return dg.SensorResult(skip_reason=_why_not(found, rest), cursor=cursor)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{day}:{late[day]}", partition_key=day, tags={LAUNCHED_BY: "late files"})
            for day in asked
        ],
        cursor=cursor,
    )


def _why_not(found: Settled, rest: timedelta) -> str:
    if not found.watched:
        return "No file came late."
    minutes = int(rest.total_seconds()) // 60
    states = [
        (day, "asked for before" if seen.asked else "a run is on its way" if day in found.due else "settling")
        for day, seen in sorted(found.watched.items())
    ]
    days = ", ".join(f"{day} ({state})" for day, state in states)
    return (
        f"Late files of {days}. A run is asked for once they rested for {minutes} minute(s), once per set of versions."
    )


def _is_running(instance: dg.DagsterInstance, config: ProcessorConfig, day: str) -> bool:
    """Whether a run of this processor-day is queued or under way, as a job or as a backfill of its assets."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": day}, statuses=_UNFINISHED))
    return any(
        run.job_name == job_name(config.name) or any(key.path[0] == config.name for key in run.asset_selection or ())
        for run in runs
    )
