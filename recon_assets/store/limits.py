"""How many rows a question may ask for."""

from typing import Final

MAX_ROWS: Final = 100_000
"""More than anyone looks at; bulk rows are in the day's files."""


def bounded(limit: int) -> int:
    """The limit itself, which is within `MAX_ROWS`."""
    assert 0 < limit <= MAX_ROWS, f"a limit from 1 to {MAX_ROWS}"
    return limit
