"""Whether every business day has a conclusion: a check on each processor's calendar, which also sees days nobody ran.

A check by partition runs with its partition, so it can't say that a partition was never run. This one stands on an
asset without partitions, asks the record about all days, and is told by one sensor whenever its answer changed; it can
also be executed in the UI. Not here: which days these are (`v_unproven_days`).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import dagster as dg
import msgspec

from recon_assets.assets.checks import check_results
from recon_assets.assets.common import key_of
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.errors import ReconError
from recon_assets.quality.checks import DESCRIPTIONS, every_day_is_answered
from recon_assets.resources.record import Record
from recon_assets.store.unproven import Calendar, UnprovenDay, keep_calendars, unproven_days

CHECK: Final = "every_day_is_answered"
GROUP: Final = "completeness"
STAGE: Final = "business_days"
SENSOR: Final = "days_without_a_conclusion"
TICK_INTERVAL_S: Final = 300


def business_days_asset(config: ProcessorConfig) -> dg.AssetSpec:
    """The calendar of a processor: nothing that is made, but what the check of completeness stands on."""
    return dg.AssetSpec(
        key_of(config, STAGE),
        deps=[key_of(config, "archive")],
        group_name=GROUP,
        owners=[config.owner],
        kinds={"postgres"},
        tags={"processor": config.name, "stage": STAGE},
        description=f"Every business day of {config.title} since {config.start_date}. Its check is red while one"
        " that is over has no conclusion: never run, failed or incomplete.",
    )


def every_day_is_answered_check(config: ProcessorConfig) -> dg.AssetChecksDefinition:
    """Red while a day that is due has no conclusion. Executed by hand; the sensor tells the same without a run."""

    @dg.asset_check(asset=key_of(config, STAGE), name=CHECK, description=DESCRIPTIONS[CHECK])
    def check(context: dg.AssetCheckExecutionContext, record: dg.ResourceParam[Record]) -> dg.AssetCheckResult:
        (outcome,) = _outcomes(record, [config])
        _keep(record, config, outcome, dagster_run_id=context.run.run_id)
        (result,) = check_results([outcome])
        return result

    return check


def completeness_sensor(configs: Sequence[ProcessorConfig]) -> dg.SensorDefinition:
    """Of all processors: one look at the record. No run is started, and nothing is told twice."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=TICK_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says of each processor whether every day that is over has a conclusion, when that changed.",
    )
    def days_without_a_conclusion(
        context: dg.SensorEvaluationContext, record: dg.ResourceParam[Record]
    ) -> dg.SensorResult:
        try:
            return _told(configs, record, context.cursor, at=datetime.now(UTC))
        except ReconError as error:
            return dg.SensorResult(skip_reason=f"The days can't be looked at: {error}", cursor=context.cursor)

    return days_without_a_conclusion


def _told(configs: Sequence[ProcessorConfig], record: Record, cursor: str | None, *, at: datetime) -> dg.SensorResult:
    """What is other than at the last tick that told it. The record is first: told twice is better than never."""
    before = _from_cursor(cursor)
    now, events, sentences = {}, [], []
    for config, outcome in zip(configs, _outcomes(record, configs), strict=True):
        now[config.name] = _fingerprint(config, outcome, at)
        count = outcome.facts["days_without_a_conclusion"]
        sentences.append(f"{config.name}: {count or 'no'} day(s) without a conclusion")
        if before.get(config.name) != now[config.name]:
            _keep(record, config, outcome, dagster_run_id=f"sensor {at:%Y-%m-%dT%H:%M:%S.%fZ}")
            events.append(_evaluation(config, outcome))
    return dg.SensorResult(
        asset_events=events, skip_reason="; ".join(sentences) + ".", cursor=msgspec.json.encode(now).decode()
    )


def _outcomes(record: Record, configs: Sequence[ProcessorConfig]) -> list[CheckOutcome]:
    """One per processor, in that order."""
    calendars = [Calendar(config.name, config.start_date, config.time_zone, config.day_starts_at) for config in configs]
    with record.connect() as connection:
        keep_calendars(connection, calendars)
        found = unproven_days(connection, [config.name for config in configs])
    return [
        every_day_is_answered(_of(found, config.name), days_over=_days_over(config, datetime.now(UTC)))
        for config in configs
    ]


def _days_over(config: ProcessorConfig, at: datetime) -> int:
    return max((config.last_ended_business_date(at) - config.start_date).days + 1, 0)


def _of(found: Sequence[UnprovenDay], processor: str) -> dict[date, str]:
    return {day.business_date: day.why for day in found if day.processor == processor}


def _keep(record: Record, config: ProcessorConfig, outcome: CheckOutcome, *, dagster_run_id: str) -> None:
    """In `data_quality_checks`, under the last day that is over: a failure that stays is told to people once a day."""
    record.record_outcomes(
        [outcome],
        dagster_run_id=dagster_run_id,
        asset_key=key_of(config, STAGE).to_user_string(),
        processor=config.name,
        day=config.last_ended_business_date(datetime.now(UTC)),
        run_id=None,
    )


def _evaluation(config: ProcessorConfig, outcome: CheckOutcome) -> dg.AssetCheckEvaluation:
    (said,) = check_results([outcome])
    return dg.AssetCheckEvaluation(
        asset_key=key_of(config, STAGE),
        check_name=CHECK,
        passed=outcome.passed,
        metadata=dict(said.metadata or {}),
        severity=said.severity,
        description=said.description,
        blocking=False,
    )


def _fingerprint(config: ProcessorConfig, outcome: CheckOutcome, at: datetime) -> str:
    """Another one when other days lack a conclusion, and once a day."""
    said = [
        config.last_ended_business_date(at).isoformat(),
        sorted(outcome.failed_rules.items()),
        outcome.facts["days"],
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _from_cursor(cursor: str | None) -> dict[str, str]:
    """Nothing where there is no cursor, or one that is not ours: then all is told once more."""
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}
