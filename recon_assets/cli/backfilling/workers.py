"""Days of several processors at once: who gets which day, and what is heard of them.

A processor is in one process at a time, its oldest day first: days chain by what they leave open. Not here: running a
day, which is `worker`'s.
"""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Final

from recon_assets.cli.backfilling.between_days import STOPPED
from recon_assets.cli.backfilling.plan import DayToRun
from recon_assets.cli.backfilling.worker import work
from recon_assets.cli.outcome import DayOutcome

if TYPE_CHECKING:
    from recon_assets.settings import Settings

DAYS_WORTH_A_WORKER: Final = 12
"""A process takes as long to start as it takes to run some days."""

LOOK_S: Final = 0.2
"""How long after Ctrl-C it is said that it was seen."""

END_S: Final = 30.0
"""How long a process that has nothing to do may take to end."""


def workers_worth_it(days: Sequence[DayToRun], *, cores: int) -> int:
    """How many processes: one a processor, no more than cores, each with days enough to be started for."""
    processors = len({day.processor for day in days})
    return max(1, min(cores, processors, len(days) // DAYS_WORTH_A_WORKER))


class Queues:
    """The days to run: the next one is of the processor with the most left, among those that are in no process."""

    def __init__(self, days: Sequence[DayToRun]) -> None:
        self._days: dict[str, deque[DayToRun]] = {}
        for day in days:
            self._days.setdefault(day.processor, deque()).append(day)
        self._at_work: set[str] = set()

    def take(self) -> DayToRun | None:
        """A day, or None while there is none that may be run now."""
        free = [name for name, days in self._days.items() if days and name not in self._at_work]
        if not free:
            return None
        name = max(free, key=lambda name: len(self._days[name]))
        self._at_work.add(name)
        return self._days[name].popleft()

    def done(self, day: DayToRun) -> None:
        """The processor may be given to any process again."""
        self._at_work.remove(day.processor)


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    days: Connection
    day: DayToRun | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what, in the caller's process."""

    stage: Callable[[str, str], None]
    day: Callable[[DayToRun, DayOutcome], None]
    lost: Callable[[DayToRun], None]
    stopping: Callable[[], None]


def run_at_once(
    settings: "Settings", days: Sequence[DayToRun], *, workers: int, tell: Listeners, stop: Callable[[], bool]
) -> tuple[list[DayOutcome], str | None]:
    """The outcomes in the order in which they came, and why it ended early, if it did.

    A process that dies loses its day, which has no outcome then, and the others go on with all the rest.
    """
    queues, outcomes = Queues(days), list[DayOutcome]()
    broken_off: str | None = None
    told_stopping = False
    with _started(settings, workers) as team:
        while True:
            if stop() and not told_stopping:
                told_stopping, broken_off = True, broken_off or STOPPED
                tell.stopping()
            if broken_off is None:
                _give(queues, team)
            busy = [worker for worker in team if worker.day is not None]
            if not busy:
                return outcomes, broken_off or (None if team else "every process that ran days has died")
            for worker in _that_speak(busy):
                day = worker.day
                assert day is not None, "it is busy"
                said = _said(worker)
                if isinstance(said, tuple):
                    tell.stage(*said)
                    continue
                worker.day = None
                queues.done(day)
                if isinstance(said, DayOutcome):
                    outcomes.append(said)
                    tell.day(day, said)
                else:
                    team.remove(worker)
                    broken_off = broken_off or said
                    if said is None:
                        tell.lost(day)


def _give(queues: Queues, team: "list[_Worker]") -> None:
    for worker in team:
        if worker.day is None and (day := queues.take()) is not None:
            worker.day = day
            with suppress(ConnectionError):  # it died without work: its end is read next
                worker.days.send(day)


def _that_speak(busy: "list[_Worker]") -> "list[_Worker]":
    ready = wait([worker.days for worker in busy], timeout=LOOK_S)
    return [worker for worker in busy if worker.days in ready]


def _said(worker: _Worker) -> "tuple[str, str] | DayOutcome | str | None":
    """A stage, an outcome, why the database does not answer, or None: it died."""
    try:
        said: tuple[str, str] | DayOutcome | str = worker.days.recv()
    except (EOFError, ConnectionResetError):
        return None
    return said


@contextmanager
def _started(settings: "Settings", count: int) -> "Iterator[list[_Worker]]":
    """Processes that wait for days. An error or a second Ctrl-C kills them: a day is answered whole or not at all."""
    context = multiprocessing.get_context("spawn")
    every: list[_Worker] = []
    try:
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(settings, theirs), name=f"backfill-{number + 1}", daemon=True)
            process.start()
            theirs.close()  # or its end would never be read
            every.append(_Worker(process, ours))
        yield list(every)
        for worker in every:
            with suppress(ConnectionError):
                worker.days.send(None)
        for worker in every:
            worker.process.join(END_S)
    finally:
        for worker in every:
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join()
            worker.days.close()
