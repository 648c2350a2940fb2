"""What `recon backfill` says: what is to do, each day as it ends, and at the end what is left and how to do it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from recon_assets.assets.progress import listening
from recon_assets.cli.backfilling.plan import FORCED, DayToRun, Plan, counted
from recon_assets.cli.console import open_console
from recon_assets.cli.outcome import DayOutcome, verdict_text

SHOWN_PROBLEMS: Final = 50
"""Of days without a conclusion in the summary; each was told when it ended."""


@dataclass(slots=True)
class _Bar:
    progress: Progress
    task: TaskID
    stage: str = ""


class Teller:
    """Speaks to a person at a terminal by a bar that moves, and to a log by a line a day."""

    def __init__(self) -> None:
        self._console = open_console()
        self._started = time.monotonic()
        self._number, self._count = 0, 0
        self._bar: _Bar | None = None

    def tell_plan(self, plan: Plan) -> None:
        """How many are proven and how many are to do, by their reasons."""
        count = len(plan.to_run)
        why = counted((day.why for day in plan.to_run), lambda word, often: f"{often:,} {word}")
        self._say(
            f"{plan.proven + count:,} processor-days: {plan.proven:,} proven already, {count:,} to do"
            + (f" ({why})" if count else "")
        )
        for sentence in plan.not_looked_at:
            self._say(f"[yellow]{escape(sentence)}[/]")

    @contextmanager
    def progress(self, count: int) -> Iterator[None]:
        """While days are run."""
        terminal = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._count, self._started = count, time.monotonic()
        with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
            self._bar = _Bar(progress, progress.add_task("loading", total=count))
            with listening(self.show_stage):
                yield
        self._bar = None

    def tell_day(self, day: DayToRun, outcome: DayOutcome) -> None:
        """A day ended: a line in a log; at a terminal a step of the bar, and a line only without a conclusion."""
        self._number += 1
        at_a_terminal = self._bar is not None and not self._bar.progress.disable
        if self._bar is not None:
            self._bar.progress.update(self._bar.task, completed=self._number)
        if at_a_terminal and outcome.has_conclusion:
            return
        problem = f": {escape(outcome.problem)}" if outcome.problem else ""
        self._say(
            f"{self._number}/{self._count} {day.processor} {day.business_date} ({day.why}):"
            f" {verdict_text(outcome.run)}{problem}"
        )

    def tell_lost(self, day: DayToRun) -> None:
        """The process that ran a day died."""
        self._say(f"[red]The process that ran {day.processor} {day.business_date} has died[/]: the day is not run.")

    def tell_stopping(self) -> None:
        """Somebody pressed Ctrl-C."""
        self._say("Stopping after this day. Ctrl-C again breaks it off: it is answered whole or not at all.")

    def tell_end(self, plan: Plan, outcomes: Sequence[DayOutcome], *, broken_off: str | None) -> None:
        """The counts, what has no conclusion and why, and the command that does only that."""
        took_s = time.monotonic() - self._started
        concluded = [outcome for outcome in outcomes if outcome.has_conclusion]
        failed = [outcome for outcome in outcomes if not outcome.has_conclusion]
        left = not_run(plan, outcomes)
        verdicts = counted((_verdict(outcome) for outcome in concluded), lambda word, often: f"{often:,} {word}")
        self._say(
            f"{len(concluded):,} concluded{f' ({verdicts})' if verdicts else ''}, {plan.proven:,} proven already,"
            f" {len(failed):,} without a conclusion, {len(left):,} not run"
            + (f"; {took_s:.1f} s, {len(outcomes) / took_s:.2f} days a second" if outcomes else "")
        )
        if broken_off:
            self._say(f"[yellow]Ended early: {escape(broken_off)}[/]")
        for outcome in failed[:SHOWN_PROBLEMS]:
            name = f"{outcome.processor} {outcome.business_date}"
            self._say(f"[yellow]{name}[/]: {escape(outcome.problem or 'the run failed')}")
        if len(failed) > SHOWN_PROBLEMS:
            self._say(f"and {len(failed) - SHOWN_PROBLEMS:,} more, see `recon status`")
        for command in commands_left(plan, outcomes):
            self._say(f"To do only what is left: {command}")

    def _say(self, line: str) -> None:
        console = self._bar.progress.console if self._bar and not self._bar.progress.disable else self._console
        console.print(line, highlight=False, soft_wrap=True)

    def show_stage(self, processor: str, stage: str) -> None:
        """What goes on now."""
        if self._bar is not None:
            self._bar.progress.update(self._bar.task, description=f"{processor}: {stage.replace('_', ' ')}")


def _verdict(outcome: DayOutcome) -> str:
    return outcome.run.verdict.value if outcome.run and outcome.run.verdict else "unknown"


def not_run(plan: Plan, outcomes: Sequence[DayOutcome]) -> list[DayToRun]:
    """The days that have no outcome, in order."""
    ran = {(outcome.processor, outcome.business_date) for outcome in outcomes}
    return [day for day in plan.to_run if (day.processor, day.business_date) not in ran]


def commands_left(plan: Plan, outcomes: Sequence[DayOutcome]) -> list[str]:
    """What to type so that only the days without a conclusion and those that were not run are done.

    A forced day that was not run may be proven: it is forced again, apart from the failed ones, which need no force.
    """
    failed = [(outcome.processor, outcome.business_date) for outcome in outcomes if not outcome.has_conclusion]
    days = not_run(plan, outcomes)
    left = [(day.processor, day.business_date) for day in days]
    if any(day.why == FORCED for day in days):
        return [*([_command(failed)] if failed else []), f"{_command(left)} --force"]
    return [_command([*failed, *left])] if failed or left else []


def _command(days: Sequence[tuple[str, date]]) -> str:
    names = " ".join(sorted({name for name, _ in days}))
    dates = [day for _, day in days]
    return f"recon backfill --processors {names} --from {min(dates)} --to {max(dates)}"
