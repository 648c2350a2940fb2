"""Ctrl-C that waits for the end of the day: work in a thread of its own, where no signal reaches it."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self.asked = False

    def undisturbed(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises. Dagster ends a step at once for a signal to the thread that runs it."""
        return self._executor.submit(work).result()


@contextmanager
def interruption(tell: Callable[[], None]) -> Iterator[Interruption]:
    """The first Ctrl-C is kept, and `tell` is called; the second ends the process as if there were none of this."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="day") as executor:
        interrupted = Interruption(executor)

        def keep(_number: int, _frame: FrameType | None) -> None:
            interrupted.asked = True
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            tell()

        before = signal.signal(signal.SIGINT, keep)
        try:
            yield interrupted
        finally:
            signal.signal(signal.SIGINT, before)
