"""Who wants to know how far a run is: the command line shows it, nobody else needs to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

StageListener = Callable[[str, str], None]
"""Called with the processor and the name of the stage that begins."""

_listeners: list[StageListener] = []


@contextmanager
def listening(listener: StageListener) -> Iterator[None]:
    """Tell `listener` of every stage that begins in this process."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def announce(processor: str, stage: str) -> None:
    """A stage begins."""
    for listener in tuple(_listeners):
        listener(processor, stage)
