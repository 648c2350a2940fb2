"""One run of this process as far as it is, in memory. What Dagster asks about it while it goes on is answered here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster._serdes import serialize_value

HELD_NUMBERS: Final = count(9_223_372_036_000_000_000)
"""Of events until they are written, in this process: near the end of bigint, where no row of a table will be."""

_POINTS_AT_AN_EVENT: Final = re.compile(
    r'("storage_id": |"dagster/input_event_pointer/[^"]*": ")(92233720\d{11})(?=[",}])'
)


@dataclass(slots=True)
class HeldRun:
    """A run and its events, each with the number under which it is known until it is written. Times in UTC, naive."""

    run: dg.DagsterRun
    created: datetime
    updated: datetime
    start_time: float | None = None
    end_time: float | None = None
    events: list[tuple[int, EventLogEntry]] = field(default_factory=list)
    _materialized: dict[tuple[dg.AssetKey, str | None], dg.EventLogRecord] = field(default_factory=dict)

    @classmethod
    def begun(cls, run: dg.DagsterRun) -> "HeldRun":
        """A run that nobody knows of yet."""
        now = utc_now()
        return cls(run, created=now, updated=now)

    def append(self, event: EventLogEntry) -> None:
        """The next event."""
        number = next(HELD_NUMBERS)
        self.events.append((number, event))
        told = event.dagster_event
        if told is not None and told.is_step_materialization and told.asset_key is not None:
            record = dg.EventLogRecord(storage_id=number, event_log_entry=event)
            self._materialized[told.asset_key, told.partition] = record

    def materialized(self, key: dg.AssetKey, partitions: Sequence[str]) -> list[dg.EventLogRecord]:
        """This run's newest materialisation of each of these partitions, none if one of them has none."""
        found = [self._materialized.get((key, partition)) for partition in partitions]
        return [record for record in found if record is not None] if all(found) else []

    def newest(self, key: dg.AssetKey) -> dg.EventLogRecord | None:
        """This run's newest materialisation of an asset."""
        found = [record for (of, _partition), record in self._materialized.items() if of == key]
        return max(found, key=lambda record: record.storage_id, default=None)

    def of_type(self, kind: dg.DagsterEventType) -> Iterator[tuple[int, EventLogEntry, dg.DagsterEvent]]:
        """Events of a kind with their numbers, in order."""
        for number, event in self.events:
            if event.dagster_event is not None and event.dagster_event.event_type == kind:
                yield number, event, event.dagster_event

    @property
    def record(self) -> dg.RunRecord:
        """As Dagster reads it from its storage; the number of the row is not known before it is written."""
        return dg.RunRecord(
            storage_id=0,
            dagster_run=self.run,
            create_timestamp=self.created,
            update_timestamp=self.updated,
            start_time=self.start_time,
            end_time=self.end_time,
        )


def utc_now() -> datetime:
    """As Dagster's tables have it: UTC without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def utc(timestamp: float) -> datetime:
    """Seconds since 1970 the same way."""
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def written(value: object, numbers: Mapping[int, int]) -> str:
    """What Dagster keeps of an event or a record, pointing at other events by the numbers of their rows."""

    def row_number(found: re.Match[str]) -> str:
        held = int(found[2])
        return f"{found[1]}{numbers.get(held, held)}"

    return _POINTS_AT_AN_EVENT.sub(row_number, serialize_value(value))  # type: ignore[arg-type]
