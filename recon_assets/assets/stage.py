"""What every stage does around its work: know its day and folder, record its checks, and record why it failed."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from recon_assets.assets.checks import check_results
from recon_assets.assets.progress import announce
from recon_assets.assets.run_tags import COMMAND_LINE, DAGSTER_BACKFILL, LAUNCHED_BY, PROCESSOR, RECON_BACKFILL
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.errors import ReconError, StoreUnavailable, TransientError
from recon_assets.observability.logs import stage_context
from recon_assets.observability.traces import run_ended, stage_span
from recon_assets.reports.dagster_pages import STAGES
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Attempt, Handle, Storage
from recon_assets.store.runs import record_failure

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """One asset of one processor-day in one Dagster run."""

    name: str
    asset_key: str
    day: BusinessDay
    dagster_run_id: str
    attempt_key: str
    started_at: datetime
    record: Record
    storage: Storage
    in_backfill: bool
    clock_at_start: float = field(default_factory=time.monotonic)

    @property
    def attempt(self) -> Attempt:
        """Whose files these are."""
        return Attempt(processor=self.day.processor, day=self.day.text, dagster_run_id=self.dagster_run_id)

    @property
    def folder(self) -> str:
        """This stage's folder of this attempt, relative to the storage root."""
        return f"{self.attempt.folder}/{self.name}"

    @property
    def path(self) -> Path:
        """The same folder, absolute."""
        return self.storage.root / self.folder

    def load(self, stage: str, kind: type[Handle]) -> Handle:
        """What another stage handed over: in this run, else in the latest that had it."""
        return self.storage.load_handle(kind, attempt=self.attempt, stage=stage)

    def result(
        self,
        handle: object,
        *,
        outcomes: Sequence[CheckOutcome],
        metadata: Mapping[str, Any],
        data_version: str,
        run_id: str | None = None,
    ) -> dg.MaterializeResult:
        """Keep the handle and the outcomes, and tell Dagster.

        `data_version` is equal when what was made is equal, so that Dagster sees an unchanged day as unchanged.
        `run_id` is the published run, once there is one: outcomes so far are linked to it.
        """
        self.keep(handle, outcomes=outcomes, run_id=run_id)
        seconds = round(time.monotonic() - self.clock_at_start, 3)
        return dg.MaterializeResult(
            metadata={**metadata, "seconds": seconds},
            check_results=check_results(outcomes),
            data_version=dg.DataVersion(data_version),
        )

    def keep(self, handle: object, *, outcomes: Sequence[CheckOutcome], run_id: str | None = None) -> None:
        """Keep the handle for the next stage and record the outcomes, linked to the published run, if there is one."""
        self.storage.save_handle(handle, attempt=self.attempt, stage=self.name)
        self.record.record_outcomes(
            outcomes,
            dagster_run_id=self.dagster_run_id,
            asset_key=self.asset_key,
            processor=self.day.processor,
            day=self.day.business_date,
            run_id=run_id,
            in_backfill=self.in_backfill,
        )


@contextmanager
def running_stage(
    context: dg.AssetExecutionContext, config: ProcessorConfig, *, record: Record, storage: Storage
) -> Iterator[Stage]:
    """The stage that `context` runs. An error ends up in `reconciliation_runs` before Dagster sees it."""
    stage = _stage(context, config, record=record, storage=storage)
    announce(config.name, stage.name)
    has_tries_left = _has_tries_left(context)
    attempt = stage.attempt
    try:
        with (
            stage_context(
                run_id=stage.dagster_run_id, processor=attempt.processor, business_date=attempt.day, stage=stage.name
            ),
            _traced(stage, is_last=_is_last(context), has_tries_left=has_tries_left),
            failures_recorded(stage, has_tries_left=has_tries_left),
            _logged(stage),
        ):
            yield stage
    except ReconError as error:
        is_tried_again = has_tries_left and isinstance(error, TransientError)
        raise dg.Failure(description=str(error), allow_retries=is_tried_again) from error


@contextmanager
def _traced(stage: Stage, *, is_last: bool, has_tries_left: bool) -> Iterator[None]:
    """The stage's span, and the run's own when it ends here: with its last stage, or with an error that stays."""
    attempt = stage.attempt
    run = {"run_id": stage.dagster_run_id, "processor": attempt.processor, "business_date": attempt.day}
    try:
        with stage_span(**run, stage=stage.name):
            yield
    except BaseException as error:
        if not (has_tries_left and isinstance(error, TransientError)):
            run_ended(**run, began_at=stage.started_at, error=type(error).__name__)
        raise
    if is_last:
        run_ended(**run, began_at=stage.started_at, error=None)


@contextmanager
def _logged(stage: Stage) -> Iterator[None]:
    """Lines where what is normal is logged: the stage begins, and how it ended; of an error its type only.

    Elsewhere none: whoever runs a stage says why it failed.
    """
    if not _log.isEnabledFor(logging.INFO):
        yield
        return
    _log.info("the stage begins")
    try:
        yield
    except BaseException as error:
        _log.error("the stage failed", extra={"error": type(error).__name__, "seconds": _seconds(stage)})
        raise
    _log.info("the stage ended", extra={"seconds": _seconds(stage)})


def _seconds(stage: Stage) -> float:
    return round(time.monotonic() - stage.clock_at_start, 3)


@contextmanager
def failures_recorded(stage: Stage, *, has_tries_left: bool = False) -> Iterator[None]:
    """An error ends up in `reconciliation_runs` before anybody else sees it.

    One that may pass is no failure yet while it `has_tries_left`: nobody is told, and no attempt has failed.
    """
    try:
        yield
    except ReconError as error:
        if not (has_tries_left and isinstance(error, TransientError)):
            _record_failure(stage, str(error))
        raise
    except BaseException as error:
        _record_failure(stage, f"{type(error).__name__} in stage {stage.name}; the Dagster run has the details")
        raise


def _is_last(context: dg.AssetExecutionContext) -> bool:
    """Whether none of the run's other stages comes after this one."""
    selected = {str(key.path[-1]) for key in context.run.asset_selection or ()}
    last = next((stage for stage in reversed(STAGES) if stage in selected), STAGES[-1])
    return str(context.asset_key.path[-1]) == last


def _has_tries_left(context: dg.AssetExecutionContext) -> bool:
    """Of the stage's policy. At a command line nobody waits for them: the day is named and done by the next call."""
    policy = context.op_def.retry_policy
    if policy is None or context.run.tags.get(LAUNCHED_BY) == COMMAND_LINE:
        return False
    return bool(context.op_execution_context.retry_number < policy.max_retries)


def _stage(context: dg.AssetExecutionContext, config: ProcessorConfig, *, record: Record, storage: Storage) -> Stage:
    run = context.run
    run_record = context.instance.get_run_record_by_id(run.run_id)
    started = run_record.start_time if run_record else None
    if run_record and PROCESSOR not in run_record.dagster_run.tags:
        context.instance.add_run_tags(run.run_id, {PROCESSOR: _processors_of(context)})
    return Stage(
        name=context.asset_key.path[-1],
        asset_key=context.asset_key.to_user_string(),
        day=config.business_day(date.fromisoformat(context.partition_key)),
        dagster_run_id=run.run_id,
        attempt_key=f"{run.root_run_id or run.run_id}:{config.name}:{context.partition_key}",
        started_at=datetime.fromtimestamp(started, UTC) if started else datetime.now(UTC),
        record=record,
        storage=storage,
        in_backfill=not {DAGSTER_BACKFILL, RECON_BACKFILL}.isdisjoint(run.tags),
    )


def _processors_of(context: dg.AssetExecutionContext) -> str:
    """A run that no job of ours describes, as Dagster launches them for backfills and selected assets, has no tag."""
    selected = context.run.asset_selection or context.job_def.asset_layer.executable_asset_keys
    return ",".join(sorted({key.path[0] for key in selected}))


def _record_failure(stage: Stage, reason: str) -> None:
    """Write the failed attempt down. When the database itself is what failed, Dagster's run is all that can say so."""
    try:
        with stage.record.connect() as connection:
            record_failure(
                connection,
                processor=stage.day.processor,
                business_date=stage.day.business_date,
                dagster_run_id=stage.dagster_run_id,
                idempotency_key=stage.attempt_key,
                stage=stage.name,
                reason=reason,
                started_at=stage.started_at,
                in_backfill=stage.in_backfill,
            )
    except (StoreUnavailable, psycopg.Error) as error:
        dg.get_dagster_logger().error(f"the failed attempt could not be recorded: {type(error).__name__}")
