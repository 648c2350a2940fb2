"""Real Dagster runs from the command line: in this process, stored where the UI reads them."""

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from recon_assets.assets.run_tags import COMMAND_LINE, LAUNCHED_BY, RECON_BACKFILL
from recon_assets.domain.errors import StoreUnavailable
from recon_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

PROCESS: Final = "recon/process"
_PARTITION: Final = "dagster/partition"

_DATABASE_ERRORS: Final = frozenset(
    {"psycopg.Error", "sqlalchemy.exc.SQLAlchemyError", "dagster_postgres.utils.DagsterPostgresException"}
)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A Dagster run that ended. `error` is its first failing step's message, for when the record has no reason."""

    dagster_run_id: str
    success: bool
    error: str | None


@contextmanager
def dagster_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """The instance that `dagster.yaml` describes, with its local files below the data folder.

    A run is held in memory while it goes on and written at once when it ends (`resources.run_history`). Where Dagster's
    tables are not there yet, Dagster makes them; where they are of another version, it writes them itself, as slowly as
    it does. Steps run in this process, so their output is the terminal's: Dagster does not capture it.
    """
    import dagster as dg

    from recon_assets.resources.run_history.deferred import defer

    defer()

    from recon_assets.resources.run_history.instance import instance_of_this_process
    from recon_assets.store.database import open_database

    reference = _reference(settings)
    with open_database(settings, with_schema=False) as database:
        instance = instance_of_this_process(reference, database)
        with instance or dg.DagsterInstance.from_ref(reference) as ready:
            yield ready


@contextmanager
def dagsters_own_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """The same on Dagster's own storage, for whoever asks it for more than runs; makes its tables if they are gone."""
    import dagster as dg

    with dg.DagsterInstance.from_ref(_reference(settings)) as instance:
        yield instance


def _reference(settings: Settings) -> "InstanceRef":
    from dagster._core.instance.ref import InstanceRef

    home = settings.data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    no_capture = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    return InstanceRef.from_dir(
        str(home), config_dir=str(settings.home), overrides={"compute_logs": {**no_capture, "config": {}}}
    )


class Runner:
    """Runs processor-days one after the other in this process, on jobs that are built once."""

    def __init__(self, settings: Settings, instance: "dg.DagsterInstance") -> None:
        from recon_assets.assembly import build_resources
        from recon_assets.configuration import Configuration
        from recon_assets.observability.traces import install

        install(settings.otlp_endpoint)
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        self._configuration = Configuration.load(settings)
        self._resources = build_resources(settings, self._configuration)
        self._jobs: dict[str, dg.JobDefinition] = {}
        self._instance = instance

    def run(self, processor: str, business_date: date, *, in_backfill: bool = False) -> FinishedRun:
        """One processor-day, from raw feeds to archive. Failing steps are a result, not an exception.

        Raises `StoreUnavailable` when the database goes away under Dagster, which can then not even say so.
        """
        try:
            self._bury_the_dead(processor, business_date)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self._execute(processor, business_date, in_backfill=in_backfill)
        except Exception as error:
            if not _is_of_the_database(error):
                raise
            raise StoreUnavailable(
                f"the database went away while {processor} {business_date} was run",
                where="Dagster's storage",
                remedy="Run the same command again: a day is answered whole or not at all.",
            ) from error
        return FinishedRun(dagster_run_id=result.run_id, success=result.success, error=_first_error(result))

    def _execute(self, processor: str, business_date: date, *, in_backfill: bool) -> "dg.ExecuteInProcessResult":
        return self._job(processor).execute_in_process(
            instance=self._instance,
            partition_key=business_date.isoformat(),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                LAUNCHED_BY: COMMAND_LINE,
                PROCESS: _this_process(),
                **({RECON_BACKFILL: "true"} if in_backfill else {}),
            },
        )

    def _job(self, processor: str) -> "dg.JobDefinition":
        from recon_assets.assembly import build_job

        if processor not in self._jobs:
            self._jobs[processor] = build_job(processor, self._configuration, self._resources)
        return self._jobs[processor]

    def _bury_the_dead(self, processor: str, business_date: date) -> None:
        """Runs of this processor-day whose process on this machine is gone are failed, so that the UI says so."""
        import dagster as dg

        from recon_assets.automation.jobs import job_name

        unfinished = dg.RunsFilter(
            job_name=job_name(processor),
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING],
            tags={LAUNCHED_BY: COMMAND_LINE, _PARTITION: business_date.isoformat()},
        )
        for run in self._instance.get_runs(unfinished):
            if not _is_alive(run.tags.get(PROCESS, "")):
                self._instance.report_run_failed(run, "The process of this run is gone: it was killed.")


def _is_of_the_database(error: Exception) -> bool:
    """Whether it is of either driver, or what Dagster makes of it. None of them is imported for it."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(names & _DATABASE_ERRORS)


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
