"""Ctrl-C that waits for the end of the day: work in a thread of its own, where no signal reaches it."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeVar

Result = TypeVar("Result")

STOPPED: Final = "stopped by Ctrl-C"
"""Why it ended early, if somebody asked for it."""

LOOK_S: Final = 0.2
"""How long after Ctrl-C it is said that it was seen. Not by its handler: that may come in the middle of a print."""


class Interruption:
    """Whether somebody asked to stop, by the first Ctrl-C. `tell` is called once when it is seen during work."""

    def __init__(self, executor: ThreadPoolExecutor, tell: Callable[[], None]) -> None:
        self._executor, self._tell = executor, tell
        self._told = False
        self.asked = False

    def undisturbed(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises. Dagster ends a step at once for a signal to the thread that runs it."""
        at_work = self._executor.submit(work)
        while not wait([at_work], timeout=LOOK_S).done:
            if self.asked and not self._told:
                self._told = True
                self._tell()
        return at_work.result()


@contextmanager
def interruption(tell: Callable[[], None]) -> Iterator[Interruption]:
    """The first Ctrl-C is kept; the second ends the process as if there were none of this."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="day") as executor:
        interrupted = Interruption(executor, tell)

        def keep(_number: int, _frame: FrameType | None) -> None:
            interrupted.asked = True
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        before = signal.signal(signal.SIGINT, keep)
        try:
            yield interrupted
        finally:
            signal.signal(signal.SIGINT, before)
