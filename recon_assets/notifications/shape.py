"""The shape of what is said, the same for every channel."""

from dataclasses import dataclass
from typing import Final

from recon_assets.domain.messages import AlertSeverity

MAX_SUBJECT_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Table:
    """The first column is text, all others are figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """`tone` is one of good, notice, bad, unknown. `first_line` says it all; `change` is what is new since the day
    before. `command` is what somebody at a terminal would type next."""

    severity: AlertSeverity
    tone: str
    label: str
    subject: str
    first_line: str
    change: str | None
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    command: str


def sentence(text: str) -> str:
    """With a stop at its end."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
