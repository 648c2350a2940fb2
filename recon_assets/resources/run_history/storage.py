"""Dagster's run and event storage for a process that executes runs itself, one after the other.

The run that goes on is held in memory; the rows of a finished one are there when Dagster has ended it. Everything
else that Dagster or a test may ask is answered by Dagster's own PostgreSQL storage, which is imported and connected
only when somebody does.
"""

from abc import update_abstractmethods
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster._core.event_api import EventRecordsResult
from dagster._core.events import EVENT_TYPE_TO_PIPELINE_RUN_STATUS, JobFailureData, RunFailureReason
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.snap import create_execution_plan_snapshot_id
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.base import AssetEntry, AssetRecord, EventLogStorage
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG

from recon_assets.resources.run_history.held_run import HeldRun, utc, utc_now
from recon_assets.resources.run_history.tables import RunTables

if TYPE_CHECKING:
    from dagster._core.storage.base_storage import DagsterStorage

Kept = TypeVar("Kept")


@dataclass
class History:
    """What the two storages of a process share: its run, the tables, and Dagster's own storage when it is needed."""

    reference: InstanceRef
    tables: RunTables
    held: HeldRun | None = None
    snapshots: set[str] = field(default_factory=set)

    @cached_property
    def behind(self) -> "DagsterStorage":
        """Dagster's own storage, as `dagster.yaml` names it."""
        storage = self.reference.storage
        assert storage is not None, "dagster.yaml names one storage for everything"
        return storage

    def make_tables(self) -> None:
        """Dagster's own storage makes what is missing when it is opened."""
        assert self.behind is not None, "it was opened"

    def holds(self, run_id: str) -> HeldRun | None:
        """The run that goes on, if it is this one."""
        return self.held if self.held is not None and self.held.run.run_id == run_id else None


def _leaving_the_rest(storage: type[Kept]) -> type[Kept]:
    """Send every question that the class does not answer itself to `behind`, a storage of the same kind."""
    kind = storage.__mro__[1]
    for name in kind.__abstractmethods__ | _REST:  # type: ignore[attr-defined]
        if name in storage.__dict__ or not hasattr(kind, name):
            continue
        if isinstance(getattr(kind, name), property):
            setattr(storage, name, property(_property_behind(name)))
        else:
            setattr(storage, name, _method_behind(name))
    return update_abstractmethods(storage)


def _property_behind(name: str) -> Callable[[Any], Any]:
    return lambda self: getattr(self.behind, name)


def _method_behind(name: str) -> Callable[..., Any]:
    return lambda self, *args, **named: getattr(self.behind, name)(*args, **named)


_REST = frozenset(
    {"get_maximum_record_id", "get_asset_event_summary_records", "get_step_stats_for_run", "get_stats_for_run"}
    | {"get_asset_check_state", "get_checkpointed_asset_check_state", "get_existing_dynamic_partitions"}
    | {"migrate", "optimize", "set_cursor_values", "alembic_version", "get_logs_for_all_runs_by_log_id"}
)
"""Questions that have an answer in the abstract class, and a better one in Dagster's own storage."""


@_leaving_the_rest
class EventsOfThisProcess(EventLogStorage):
    """Dagster's event log: appends to the run that goes on, and answers what its steps ask about it."""

    supports_global_concurrency_limits = True

    def __init__(self, history: History) -> None:
        self._history = history
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def behind(self) -> EventLogStorage:
        """Dagster's own."""
        storage = self._history.behind.event_log_storage
        if not storage.has_instance:
            storage.register_instance(self._instance)
        return storage

    @property
    def is_persistent(self) -> bool:
        """Other processes see the runs, when they have ended."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Append to the run that goes on; an event of any other run is written at once."""
        held = self._history.holds(event.run_id)
        if held is None:
            self.behind.store_event(event)
        else:
            held.append(event)

    def fetch_materializations(
        self,
        records_filter: dg.AssetKey | dg.AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,  # noqa: FBT001, FBT002 - Dagster's signature
    ) -> EventRecordsResult:
        """The newest of a partition is this run's, once it made one. Everything else is asked of the tables."""
        held = self._history.held
        if (
            held is not None
            and limit == 1
            and cursor is None
            and not ascending
            and isinstance(records_filter, dg.AssetRecordsFilter)
            and records_filter
            == dg.AssetRecordsFilter(
                asset_key=records_filter.asset_key, asset_partitions=records_filter.asset_partitions
            )
            and (found := held.materialized(records_filter.asset_key, records_filter.asset_partitions or ()))
        ):
            newest = max(found, key=lambda record: record.storage_id)
            return EventRecordsResult([newest], cursor="", has_more=True)
        return self.behind.fetch_materializations(records_filter, limit, cursor, ascending)

    def get_asset_records(self, asset_keys: Sequence[dg.AssetKey] | None = None) -> Sequence[AssetRecord]:
        """Of assets that this run made, its own."""
        held = self._history.held
        found = {key: held.newest(key) for key in asset_keys or ()} if held is not None else {}
        if held is None or not found or None in found.values():
            return self.behind.get_asset_records(asset_keys)
        return [
            AssetRecord(
                storage_id=0,
                asset_entry=AssetEntry(asset_key=key, last_materialization_record=record, last_run_id=held.run.run_id),
            )
            for key, record in found.items()
        ]

    def get_latest_tags_by_partition(
        self,
        asset_key: dg.AssetKey,
        event_type: dg.DagsterEventType,
        tag_keys: Sequence[str],
        asset_partitions: Sequence[str] | None = None,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> Mapping[str, Mapping[str, str]]:
        """Of partitions that this run made, its own."""
        held = self._history.held
        found = held.materialized(asset_key, asset_partitions or ()) if held is not None else []
        if not found or event_type != dg.DagsterEventType.ASSET_MATERIALIZATION or before_cursor or after_cursor:
            return self.behind.get_latest_tags_by_partition(
                asset_key, event_type, tag_keys, asset_partitions, before_cursor, after_cursor
            )
        tags = {record.partition_key: _tags(record) for record in found}
        return {
            partition: {key: of[key] for key in tag_keys if key in of}
            for partition, of in tags.items()
            if partition is not None and any(key in of for key in tag_keys)
        }

    def dispose(self) -> None:
        """Let go of what was opened."""
        if "behind" in self._history.__dict__:
            self._history.behind.event_log_storage.dispose()


@_leaving_the_rest
class RunsOfThisProcess(RunStorage):
    """Dagster's runs: one is held at a time, from its creation to its end."""

    def __init__(self, history: History) -> None:
        self._history = history
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def behind(self) -> RunStorage:
        """Dagster's own."""
        storage = self._history.behind.run_storage
        if not storage.has_instance:
            storage.register_instance(self._instance)
        return storage

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Hold it. It is written when it starts."""
        self._history.held = HeldRun.begun(dagster_run)
        return dagster_run

    def handle_run_event(self, run_id: str, event: dg.DagsterEvent, update_timestamp: datetime | None = None) -> None:
        """A run of this process that starts is there for others to see; one that ended is written whole."""
        held = self._history.holds(run_id)
        if held is None:
            self.behind.handle_run_event(run_id, event, update_timestamp)
            return
        if event.event_type not in EVENT_TYPE_TO_PIPELINE_RUN_STATUS:
            return
        at = utc(update_timestamp.timestamp()) if update_timestamp else utc_now()
        reason = _failure_reason(event)
        held.run = held.run.with_status(EVENT_TYPE_TO_PIPELINE_RUN_STATUS[event.event_type])
        held.run = held.run.with_tags({**held.run.tags, **reason}) if reason else held.run
        held.updated = at
        seconds = update_timestamp.timestamp() if update_timestamp else datetime.now().astimezone().timestamp()
        if event.event_type == dg.DagsterEventType.PIPELINE_START:
            held.start_time = seconds
            self._history.tables.begin(held)
        elif held.run.status in FINISHED_STATUSES:
            held.end_time = seconds
            self._history.held = None
            if held.start_time is None:
                self._history.tables.begin(held)
            self._history.tables.end(held, new_tags=reason)

    def get_run_records(self, filters: dg.RunsFilter | None = None, *args: Any, **named: Any) -> Sequence[dg.RunRecord]:
        """One run by its id: the run that goes on, or one that ended."""
        if filters is not None and filters.run_ids and filters == dg.RunsFilter(run_ids=filters.run_ids[:1]):
            held = self._history.holds(filters.run_ids[0])
            return [held.record] if held else self._history.tables.run_records(filters.run_ids[0])
        return self.behind.get_run_records(filters, *args, **named)

    def get_runs(self, filters: dg.RunsFilter | None = None, *args: Any, **named: Any) -> Sequence[dg.DagsterRun]:
        """Runs of a job by state and tags, which is what is asked before each day."""
        if filters is not None and filters.job_name and filters.statuses and not any((*args, *named.values())):
            tags = {key: value for key, value in filters.tags.items() if isinstance(value, str)}
            plain = dg.RunsFilter(job_name=filters.job_name, statuses=filters.statuses, tags=tags)
            if filters == plain:
                states = [status.value for status in filters.statuses]
                return self._history.tables.runs(job=filters.job_name, statuses=states, tags=tags)
        return self.behind.get_runs(filters, *args, **named)

    def has_job_snapshot(self, job_snapshot_id: str) -> bool:
        """Asked once a process."""
        return self._has_snapshot(job_snapshot_id)

    def has_execution_plan_snapshot(self, execution_plan_snapshot_id: str) -> bool:
        """Asked once a process."""
        return self._has_snapshot(execution_plan_snapshot_id)

    def add_job_snapshot(self, job_snapshot: Any) -> str:
        """The shape of a job, the first time that it runs."""
        self._history.tables.add_snapshot(job_snapshot.snapshot_id, job_snapshot, "PIPELINE")
        return str(job_snapshot.snapshot_id)

    def add_execution_plan_snapshot(self, execution_plan_snapshot: Any) -> str:
        """The shape of a plan, the first time that it is executed."""
        snapshot_id = create_execution_plan_snapshot_id(execution_plan_snapshot)
        self._history.tables.add_snapshot(snapshot_id, execution_plan_snapshot, "EXECUTION_PLAN")
        return snapshot_id

    def get_cursor_values(self, keys: set[str]) -> Mapping[str, str]:
        """Of Dagster's table of keys and values."""
        return self._history.tables.cursor_values(keys)

    def dispose(self) -> None:
        """Let go of what was opened."""
        self._history.tables.close()
        if "behind" in self._history.__dict__:
            self._history.behind.run_storage.dispose()

    def _has_snapshot(self, snapshot_id: str) -> bool:
        if snapshot_id not in self._history.snapshots and self._history.tables.has_snapshot(snapshot_id):
            self._history.snapshots.add(snapshot_id)
        return snapshot_id in self._history.snapshots


def _tags(record: dg.EventLogRecord) -> Mapping[str, str]:
    materialization = record.asset_materialization
    return (materialization.tags if materialization else None) or {}


def _failure_reason(event: dg.DagsterEvent) -> dict[str, str]:
    """The tag that Dagster gives a run that failed for a reason it knows."""
    data = event.event_specific_data
    if event.event_type == dg.DagsterEventType.PIPELINE_FAILURE and isinstance(data, JobFailureData):
        reason = data.failure_reason
        if reason and reason != RunFailureReason.UNKNOWN:
            return {RUN_FAILURE_REASON_TAG: reason.value}
    return {}
