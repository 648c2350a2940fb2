"""The rows of a run in Dagster's tables: as Dagster 1.13 itself writes them, in one transaction instead of 300.

A test holds each table's rows of a run against those that Dagster's own storage writes. What is not a whole run
(daemon, UI, sensors, retention) stays with Dagster's storage.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import dagster as dg
import psycopg
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG, PARTITION_SET_TAG
from dagster._serdes import deserialize_value, serialize_value
from psycopg import errors

from recon_assets.resources.run_history.held_run import HeldRun, utc, written
from recon_assets.store.database import Database

KNOWN_REVISION: Final = "29b539ebc72a"
"""Of Dagster's tables: the newest of Dagster 1.13's migrations, which these statements were written for."""

TAG_TO_INDEX: Final = "dagster/data_version"


@dataclass(slots=True)
class RunTables:
    """Dagster's database over one connection that stays open. Raises `psycopg.Error`, or `StoreUnavailable`."""

    database: Database
    _open: psycopg.Connection | None = None

    def close(self) -> None:
        """End the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def are_known(self) -> bool:
        """Whether the tables are there as these statements expect them; if not, they are Dagster's business."""
        try:
            return self._rows("SELECT version_num FROM alembic_version") == [(KNOWN_REVISION,)]
        except errors.UndefinedTable:
            return False

    def has_snapshot(self, snapshot_id: str) -> bool:
        """Whether the shape of a job or a plan is there."""
        return bool(self._rows("SELECT 1 FROM snapshots WHERE snapshot_id = %s", [snapshot_id]))

    def add_snapshot(self, snapshot_id: str, snapshot: object, kind: str) -> None:
        """The shape of a job or a plan."""
        body = zlib.compress(serialize_value(snapshot).encode())  # type: ignore[arg-type]
        self._connection().execute(
            "INSERT INTO snapshots (snapshot_id, snapshot_body, snapshot_type) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [snapshot_id, body, kind],
        )

    def cursor_values(self, keys: Iterable[str]) -> dict[str, str]:
        """Of Dagster's table of keys and values, those that are there."""
        return dict(self._rows("SELECT key, value FROM kvs WHERE key = ANY(%s)", [list(keys)]))

    def run_records(self, run_id: str) -> list[dg.RunRecord]:
        """A run by its id, if it is there."""
        return [
            dg.RunRecord(
                storage_id=number,
                dagster_run=_run(body, status),
                create_timestamp=created,
                update_timestamp=updated,
                start_time=start,
                end_time=end,
            )
            for number, body, status, created, updated, start, end in self._rows(
                "SELECT id, run_body, status, create_timestamp, update_timestamp, start_time, end_time FROM runs"
                " WHERE run_id = %s",
                [run_id],
            )
        ]

    def runs(self, *, job: str, statuses: Sequence[str], tags: dict[str, str]) -> list[dg.DagsterRun]:
        """The runs of a job that are in one of these states and have all these tags, the newest first."""
        rows = self._rows(
            "SELECT run_body, status FROM runs WHERE pipeline_name = %s AND status = ANY(%s) AND NOT EXISTS ("
            " SELECT FROM unnest(%s::text[], %s::text[]) AS wanted (key, value) WHERE NOT EXISTS ("
            " SELECT FROM run_tags AS t WHERE t.run_id = runs.run_id AND t.key = wanted.key AND t.value = wanted.value"
            ")) ORDER BY id DESC",
            [job, list(statuses), list(tags), list(tags.values())],
        )
        return [_run(body, status) for body, status in rows]

    def begin(self, held: HeldRun) -> None:
        """The run is there for others to see: what a process that dies leaves behind."""
        run = held.run
        tags = run.tags_for_storage()
        with self._connection().transaction():
            self._connection().execute(
                "INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition, partition_set,"
                " backfill_id, create_timestamp, update_timestamp, start_time)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    run.run_id,
                    run.job_snapshot_id,
                    run.job_name,
                    run.status.value,
                    serialize_value(run),
                    run.tags.get(PARTITION_NAME_TAG),
                    run.tags.get(PARTITION_SET_TAG),
                    run.tags.get(BACKFILL_ID_TAG),
                    held.created,
                    held.updated,
                    held.start_time,
                ],
            )
            self._connection().execute(
                "INSERT INTO run_tags (run_id, key, value) SELECT %s, * FROM unnest(%s::text[], %s::text[])",
                [run.run_id, list(tags), list(tags.values())],
            )

    def end(self, held: HeldRun, *, new_tags: dict[str, str]) -> None:
        """Everything that happened, and what became of the run."""
        connection = self._connection()
        with connection.transaction():
            numbers = self._numbers(held)
            texts = {number: written(event, numbers) for number, event in held.events}
            self._events(held, numbers, texts)
            self._assets(held, numbers)
            self._checks(held, numbers, texts)
            if new_tags:
                connection.execute(
                    "INSERT INTO run_tags (run_id, key, value) SELECT %s, * FROM unnest(%s::text[], %s::text[])",
                    [held.run.run_id, list(new_tags), list(new_tags.values())],
                )
            connection.execute(
                "UPDATE runs SET status = %s, run_body = %s, update_timestamp = %s, end_time = %s WHERE run_id = %s",
                [held.run.status.value, serialize_value(held.run), held.updated, held.end_time, held.run.run_id],
            )

    def _numbers(self, held: HeldRun) -> dict[int, int]:
        """The number of each event's row, by the number that it had in memory. Taken when the rows follow at once."""
        rows = self._rows(
            "SELECT nextval(pg_get_serial_sequence('event_logs', 'id')) FROM generate_series(1, %s)", [len(held.events)]
        )
        return {number: row_number for (number, _), (row_number,) in zip(held.events, sorted(rows), strict=True)}

    def _events(self, held: HeldRun, numbers: Mapping[int, int], texts: Mapping[int, str]) -> None:
        self._copy(
            "event_logs (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)",
            (
                (
                    numbers[number],
                    event.run_id,
                    texts[number],
                    told.event_type_value if told else None,
                    utc(event.timestamp),
                    told.step_key if told else event.step_key,
                    told.asset_key.to_string() if told and told.asset_key else None,
                    (told.partition or None) if told else None,
                )
                for number, event in held.events
                for told in [event.dagster_event]
            ),
        )

    def _assets(self, held: HeldRun, numbers: Mapping[int, int]) -> None:
        newest: dict[str, tuple[str | None, datetime]] = {}
        tags = []
        for _, event, told in held.of_type(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED):
            assert told.asset_key is not None, "each planned materialisation is of an asset"
            newest[told.asset_key.to_string()] = None, utc(event.timestamp)
        for number, event, told in held.of_type(dg.DagsterEventType.ASSET_MATERIALIZATION):
            assert told.asset_key is not None, "each materialisation is of an asset"
            key = told.asset_key.to_string()
            record = dg.EventLogRecord(storage_id=numbers[number], event_log_entry=event)
            newest[key] = written(record, numbers), utc(event.timestamp)
            version = (told.step_materialization_data.materialization.tags or {}).get(TAG_TO_INDEX)
            if version is not None:
                tags.append((numbers[number], key, TAG_TO_INDEX, version, utc(event.timestamp)))
        keys = sorted(newest)
        self._connection().execute(
            "INSERT INTO asset_keys AS known (asset_key, last_materialization, last_run_id,"
            " last_materialization_timestamp) SELECT a.key, a.record, %s, a.at"
            " FROM unnest(%s::text[], %s::text[], %s::timestamp[]) AS a (key, record, at)"
            " ON CONFLICT (asset_key) DO UPDATE SET last_run_id = excluded.last_run_id,"
            " last_materialization = coalesce(excluded.last_materialization, known.last_materialization),"
            " last_materialization_timestamp = excluded.last_materialization_timestamp",
            [held.run.run_id, keys, [newest[key][0] for key in keys], [newest[key][1] for key in keys]],
        )
        self._copy("asset_event_tags (event_id, asset_key, key, value, event_timestamp)", tags)

    def _checks(self, held: HeldRun, numbers: Mapping[int, int], texts: Mapping[int, str]) -> None:
        """A check that was planned and not evaluated stays planned, as in Dagster's own way of writing."""
        rows: dict[tuple[str, str, str | None], tuple[Any, ...]] = {}
        for number, event, told in held.of_type(dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED):
            planned: Any = told.event_specific_data
            subset = planned.partitions_subset
            for partition in subset.get_partition_keys() if subset else [None]:
                key = (planned.asset_key.to_string(), planned.check_name, partition)
                rows[key] = ("PLANNED", texts[number], utc(event.timestamp), numbers[number], None)
        for number, event, told in held.of_type(dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            evaluation: Any = told.event_specific_data
            target = evaluation.target_materialization_data
            of = numbers.get(target.storage_id, target.storage_id) if target else None
            key = (evaluation.asset_key.to_string(), evaluation.check_name, evaluation.partition)
            status = "SUCCEEDED" if evaluation.passed else "FAILED"
            rows[key] = (status, texts[number], utc(event.timestamp), numbers[number], of)
        self._copy(
            "asset_check_executions (asset_key, check_name, partition, run_id, execution_status, evaluation_event,"
            " evaluation_event_timestamp, evaluation_event_storage_id, materialization_event_storage_id)",
            ((*key, held.run.run_id, *row) for key, row in rows.items()),
        )

    def _copy(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        with self._connection().cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self._connection().execute(statement.encode(), parameters).fetchall()

    def _connection(self) -> psycopg.Connection:
        """The open one, or a new one where that was lost. A loss in a transaction is its statement's error."""
        if self._open is None or self._open.closed:
            self._open = self.database.connect_to_dagster()
            self._open.execute("SET synchronous_commit = off")  # docs/decisions/0012
        return self._open


def _run(body: str, status: str) -> dg.DagsterRun:
    """The column is truer than the body: others may have changed it since."""
    return deserialize_value(body, dg.DagsterRun).with_status(dg.DagsterRunStatus(status))
