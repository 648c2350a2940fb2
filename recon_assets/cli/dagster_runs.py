"""Real Dagster runs from the command line: in this process, stored where the UI reads them."""

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Final

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

LAUNCHED_BY: Final = "recon/launched_by"
PROCESS: Final = "recon/process"
_PARTITION: Final = "dagster/partition"

STATEMENT_TIMEOUT_MS: Final = 60_000
POOL_RECYCLE_S: Final = 3_600
MAX_OVERFLOW: Final = 20
"""Of Dagster's storage. One connection stays open, further ones as they are needed."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A Dagster run that ended. `error` is its first failing step's message, for when the record has no reason."""

    dagster_run_id: str
    success: bool
    error: str | None


@contextmanager
def dagster_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """The instance that `dagster.yaml` describes, with its local files below the data folder.

    Steps run in this process, so their output is the terminal's: Dagster does not capture it.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    home = settings.data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    no_capture = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    reference = InstanceRef.from_dir(
        str(home), config_dir=str(settings.home), overrides={"compute_logs": {**no_capture, "config": {}}}
    )
    with dg.DagsterInstance.from_ref(reference) as instance:
        # Dagster opens a connection for every statement, some 290 in a run, unless it is told that it stays
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=POOL_RECYCLE_S, max_overflow=MAX_OVERFLOW
        )
        _remember_tables(instance)
        yield instance


def _remember_tables(instance: "dg.DagsterInstance") -> None:
    """Which tables and columns Dagster's storage has is asked once a process, not 64 times a run.

    It asks on a second connection, too, which the pool then opens for it and closes. A test pins these methods.
    """
    events, runs = instance.event_log_storage, instance.run_storage
    has_column = events._has_asset_key_col_on_connection  # type: ignore[attr-defined]  # noqa: SLF001
    known: dict[str, bool] = {}

    def has_asset_key_column(connection: object, column_name: str) -> bool:
        if column_name not in known:
            known[column_name] = has_column(connection, column_name)
        return known[column_name]

    events._has_asset_key_col_on_connection = has_asset_key_column  # type: ignore[attr-defined]  # noqa: SLF001
    for storage, question in (
        (events, "has_table"),
        (events, "has_asset_key_index_cols"),
        (runs, "has_run_stats_index_cols"),
        (runs, "has_backfill_id_column"),
    ):
        setattr(storage, question, cache(getattr(storage, question)))


class Runner:
    """Runs processor-days one after the other in this process, on definitions that are loaded once."""

    def __init__(self, settings: Settings, instance: "dg.DagsterInstance") -> None:
        from recon_assets.assembly import build_definitions

        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        self._definitions = build_definitions(settings)
        self._instance = instance

    def run(self, processor: str, business_date: date, *, in_backfill: bool = False) -> FinishedRun:
        """One processor-day, from raw feeds to archive. Failing steps are a result, not an exception.

        Raises `StoreUnavailable` when the database goes away under Dagster, which can then not even say so.
        """
        from dagster_postgres.utils import DagsterPostgresException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._bury_the_dead(processor, business_date)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self._execute(processor, business_date, in_backfill=in_backfill)
        except (SQLAlchemyError, DagsterPostgresException) as error:
            raise StoreUnavailable(
                f"the database went away while {processor} {business_date} was run",
                where="Dagster's storage",
                remedy="Run the same command again: a day is answered whole or not at all.",
            ) from error
        return FinishedRun(dagster_run_id=result.run_id, success=result.success, error=_first_error(result))

    def _execute(self, processor: str, business_date: date, *, in_backfill: bool) -> "dg.ExecuteInProcessResult":
        from recon_assets.assets.stage import RECON_BACKFILL
        from recon_assets.automation.jobs import job_name

        job = self._definitions.resolve_job_def(job_name(processor))
        return job.execute_in_process(
            instance=self._instance,
            partition_key=business_date.isoformat(),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                LAUNCHED_BY: "command line",
                PROCESS: _this_process(),
                **({RECON_BACKFILL: "true"} if in_backfill else {}),
            },
        )

    def _bury_the_dead(self, processor: str, business_date: date) -> None:
        """Runs of this processor-day whose process on this machine is gone are failed, so that the UI says so."""
        import dagster as dg

        from recon_assets.automation.jobs import job_name

        unfinished = dg.RunsFilter(
            job_name=job_name(processor),
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING],
            tags={LAUNCHED_BY: "command line", _PARTITION: business_date.isoformat()},
        )
        for run in self._instance.get_runs(unfinished):
            if not _is_alive(run.tags.get(PROCESS, "")):
                self._instance.report_run_failed(run, "The process of this run is gone: it was killed.")


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(process: str) -> bool:
    """Whether a process that a run names may still be there: another machine's always may."""
    host, _, pid = process.rpartition(":")
    if host != socket.gethostname():
        return True
    if int(pid) == os.getpid():
        return False  # runs of this process follow one another: an unfinished one is not this process's
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_error(result: "dg.ExecuteInProcessResult") -> str | None:
    for event in result.all_node_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data is not None and failure.user_failure_data.description:
                return str(failure.user_failure_data.description)
            return failure.error.message.strip() if failure.error else "a step failed"
    return None
