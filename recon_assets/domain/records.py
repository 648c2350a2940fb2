"""What both sides' records have in common: the side, the status, and the row that could not be read."""

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Whose record it is."""

    PROCESSOR = "processor"
    LEDGER = "ledger"


class Status(StrEnum):
    """The canonical status of a money movement; each feed's own words are mapped to these. At most eight."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A raw record that is no transaction: where it is and which rule it broke, never its value.

    `record_number` counts the records of `raw_file` from 1.
    """

    raw_file: str
    record_number: int
    column: str
    reason: str
