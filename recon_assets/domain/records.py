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


class Movement(StrEnum):
    """What kind of money movement it is, whatever the feed calls it. UNCLASSIFIED: a word that no rule knows."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    FEE = "fee"
    FEE_REVERSAL = "fee_reversal"
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    TRANSFER = "transfer"
    TOPUP = "topup"
    CONVERSION = "conversion"
    RESERVE = "reserve"
    ADJUSTMENT = "adjustment"
    UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A raw record that is no transaction: where it is and which rule it broke, never its value.

    `record_number` counts the records of `raw_file` from 1.
    """

    raw_file: str
    record_number: int
    column: str
    reason: str
