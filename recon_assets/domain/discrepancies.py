"""The classes of discrepancy and what follows from a class: its outcome and its priority."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class DiscrepancyClass(StrEnum):
    """What happened. The matching stages in SQL use the same words. A plain match has no row, so no class here."""

    MATCHED_IN_TOLERANCE = "matched_in_tolerance"
    MATCHED_PRIOR_DAY = "matched_prior_day"
    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROCESSOR = "missing_at_processor"
    PENDING_IN_LEDGER = "pending_in_ledger"
    PENDING_AT_PROCESSOR = "pending_at_processor"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    FEE_MISMATCH = "fee_mismatch"
    DUPLICATE_AT_PROCESSOR = "duplicate_at_processor"
    DUPLICATE_IN_LEDGER = "duplicate_in_ledger"
    AMBIGUOUS = "ambiguous"
    RESTATED = "restated"
    UNCLASSIFIED = "unclassified"

    @property
    def outcome(self) -> "Outcome":
        """What it means for the day."""
        return _MEANING[self][0]

    @property
    def priority(self) -> "Priority":
        """How soon somebody should look."""
        return _MEANING[self][1]


class Outcome(StrEnum):
    """Whether a row is a disagreement: `ok` rows explain, `pending` ones wait for their `due_on`."""

    OK = "ok"
    PENDING = "pending"
    DISCREPANCY = "discrepancy"


class Priority(IntEnum):
    """1 is looked at first."""

    UNEXPLAINED_MONEY = 1
    AMOUNTS_DISAGREE = 2
    CASH_NOT_BOOKED = 3
    DATA_QUALITY = 4


_MEANING: Final[Mapping[DiscrepancyClass, tuple[Outcome, Priority]]] = MappingProxyType(
    {
        DiscrepancyClass.MATCHED_IN_TOLERANCE: (Outcome.OK, Priority.DATA_QUALITY),
        DiscrepancyClass.MATCHED_PRIOR_DAY: (Outcome.OK, Priority.DATA_QUALITY),
        DiscrepancyClass.MISSING_IN_LEDGER: (Outcome.DISCREPANCY, Priority.CASH_NOT_BOOKED),
        DiscrepancyClass.MISSING_AT_PROCESSOR: (Outcome.DISCREPANCY, Priority.UNEXPLAINED_MONEY),
        DiscrepancyClass.PENDING_IN_LEDGER: (Outcome.PENDING, Priority.CASH_NOT_BOOKED),
        DiscrepancyClass.PENDING_AT_PROCESSOR: (Outcome.PENDING, Priority.UNEXPLAINED_MONEY),
        DiscrepancyClass.AMOUNT_MISMATCH: (Outcome.DISCREPANCY, Priority.AMOUNTS_DISAGREE),
        DiscrepancyClass.CURRENCY_MISMATCH: (Outcome.DISCREPANCY, Priority.AMOUNTS_DISAGREE),
        DiscrepancyClass.STATUS_MISMATCH: (Outcome.DISCREPANCY, Priority.DATA_QUALITY),
        DiscrepancyClass.FEE_MISMATCH: (Outcome.DISCREPANCY, Priority.AMOUNTS_DISAGREE),
        DiscrepancyClass.DUPLICATE_AT_PROCESSOR: (Outcome.DISCREPANCY, Priority.AMOUNTS_DISAGREE),
        DiscrepancyClass.DUPLICATE_IN_LEDGER: (Outcome.DISCREPANCY, Priority.UNEXPLAINED_MONEY),
        DiscrepancyClass.AMBIGUOUS: (Outcome.DISCREPANCY, Priority.AMOUNTS_DISAGREE),
        DiscrepancyClass.RESTATED: (Outcome.OK, Priority.DATA_QUALITY),
        DiscrepancyClass.UNCLASSIFIED: (Outcome.OK, Priority.DATA_QUALITY),
    }
)

WARNINGS: Final = frozenset(
    {DiscrepancyClass.MATCHED_IN_TOLERANCE, DiscrepancyClass.RESTATED, DiscrepancyClass.UNCLASSIFIED}
)
"""Rows that are no disagreement and still worth a word: they make a reconciled day `reconciled_with_warnings`."""
