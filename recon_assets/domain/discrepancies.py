"""The classes of discrepancy and what follows from a class: its outcome and its priority."""

from enum import IntEnum, StrEnum


class DiscrepancyClass(StrEnum):
    """What happened. The matching stages in SQL use the same words."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROCESSOR = "missing_at_processor"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    DUPLICATE_AT_PROCESSOR = "duplicate_at_processor"
    DUPLICATE_IN_LEDGER = "duplicate_in_ledger"


class Priority(IntEnum):
    """1 is looked at first."""

    UNEXPLAINED_MONEY = 1
    AMOUNTS_DISAGREE = 2
    CASH_NOT_BOOKED = 3
    DATA_QUALITY = 4


PRIORITY_OF_CLASS = {
    DiscrepancyClass.MISSING_AT_PROCESSOR: Priority.UNEXPLAINED_MONEY,
    DiscrepancyClass.AMOUNT_MISMATCH: Priority.AMOUNTS_DISAGREE,
    DiscrepancyClass.CURRENCY_MISMATCH: Priority.AMOUNTS_DISAGREE,
    DiscrepancyClass.MISSING_IN_LEDGER: Priority.CASH_NOT_BOOKED,
    DiscrepancyClass.STATUS_MISMATCH: Priority.DATA_QUALITY,
    DiscrepancyClass.DUPLICATE_AT_PROCESSOR: Priority.AMOUNTS_DISAGREE,
    DiscrepancyClass.DUPLICATE_IN_LEDGER: Priority.UNEXPLAINED_MONEY,
}
