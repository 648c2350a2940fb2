"""Python's collector of reference cycles, for a process that lives for one command.

What a command imports and builds stays until it ends: half a million objects, among which the collector looks for
garbage again and again with Python's own thresholds, and once more when the interpreter ends. That was a fifth of
what a small day costs. Objects without cycles, which is nearly all, are freed at once in any case.
"""

import atexit
import gc
from typing import Final

NEW_OBJECTS: Final = 50_000
"""Made and not freed since the last look, Python's own is 700. Cycles of so many small objects are a few megabytes."""


def collect_rarely() -> None:
    """From here on look for cycles after `NEW_OBJECTS`, and not when the process ends.

    What must be done at the end is registered with `atexit` or closed, as it must be anyhow: Python promises no
    finaliser of what is still there at its end.
    """
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
