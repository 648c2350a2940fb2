"""The terminal: as wide as it is, and wide enough where there is none (a pipe, a log)."""

from typing import Final

from rich.console import Console

PIPE_COLUMNS: Final = 160


def open_console() -> Console:
    """Standard output for tables and sentences."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_COLUMNS)
