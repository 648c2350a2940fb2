"""The whole answer of one processor-day, as it is published, reported and shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from recon_assets.domain.causes import Cause
from recon_assets.domain.discrepancies import WARNINGS, DiscrepancyClass, Outcome
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import Risk
from recon_assets.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PassMatches:
    """What one pass of the matching put together. A match of one record with several counts once."""

    matches: int
    processor_records: int
    ledger_records: int

    @classmethod
    def of_pairs(cls, pairs: int) -> Self:
        """Matches of one record with one record."""
        return cls(matches=pairs, processor_records=pairs, ledger_records=pairs)

    def __add__(self, other: Self) -> Self:
        return type(self)(
            matches=self.matches + other.matches,
            processor_records=self.processor_records + other.processor_records,
            ledger_records=self.ledger_records + other.ledger_records,
        )


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Counts are of rows; money is in the proofs, one per currency, sorted by currency.

    `incomplete_reasons` says, in sentences, why there is no conclusion; it is empty unless the verdict is `incomplete`.
    `rule_version` is the SHA-256 of the matching rules that were used, in hex.
    `causes` are patterns that many discrepancies share, the one that explains most first; often there is none.
    """

    processor: str
    business_date: date
    processor_transactions: int
    ledger_entries: int
    matched_by_pass: Mapping[str, PassMatches]
    count_by_class: Mapping[DiscrepancyClass, int]
    proofs: tuple[CurrencyProof, ...]
    incomplete_reasons: tuple[str, ...]
    verdict: Verdict
    risk: Risk
    rule_version: str
    causes: tuple[Cause, ...] = ()

    @property
    def matched(self) -> int:
        """Matches that any pass of the matching found within the day."""
        return sum(found.matches for found in self.matched_by_pass.values())

    @property
    def discrepancy_count(self) -> int:
        """Rows that are disagreements: not those that wait, nor those that only explain."""
        return count_of_outcome(self.count_by_class, Outcome.DISCREPANCY)

    @property
    def pending_count(self) -> int:
        """Rows that wait for their counterpart within the grace."""
        return count_of_outcome(self.count_by_class, Outcome.PENDING)

    @property
    def missing_count(self) -> int:
        """The classic figure: at the processor, not in the ledger."""
        return self.count_by_class.get(DiscrepancyClass.MISSING_IN_LEDGER, 0)


def count_of_outcome(count_by_class: Mapping[DiscrepancyClass, int], outcome: Outcome) -> int:
    """How many rows have that outcome."""
    return sum(count for kind, count in count_by_class.items() if kind.outcome is outcome)


def count_of_warnings(count_by_class: Mapping[DiscrepancyClass, int]) -> int:
    """How many rows are worth a word although they are no disagreement."""
    return sum(count for kind, count in count_by_class.items() if kind in WARNINGS)
