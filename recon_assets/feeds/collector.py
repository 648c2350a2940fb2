"""Python's cycle collector, off while many records are built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """For decoding JSON, which has no cycles: looking for some would double the time of building many objects.

    Not across a `yield` of rows: whoever takes them is entitled to the collector.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
