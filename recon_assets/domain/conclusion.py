"""The whole answer of one processor-day, as it is published, reported and shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import Risk
from recon_assets.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Counts are of records; money is in the proofs, one per currency, sorted by currency.

    `incomplete_reasons` says, in sentences, why there is no conclusion; it is empty unless the verdict is `incomplete`.
    """

    processor: str
    business_date: date
    processor_transactions: int
    ledger_entries: int
    matched_by_pass: Mapping[str, int]
    count_by_class: Mapping[DiscrepancyClass, int]
    proofs: tuple[CurrencyProof, ...]
    incomplete_reasons: tuple[str, ...]
    verdict: Verdict
    risk: Risk

    @property
    def matched(self) -> int:
        """Pairs that any pass of the matching found."""
        return sum(self.matched_by_pass.values())

    @property
    def discrepancy_count(self) -> int:
        """Every discrepancy of every class."""
        return sum(self.count_by_class.values())

    @property
    def missing_count(self) -> int:
        """The classic figure: at the processor, not in the ledger."""
        return self.count_by_class.get(DiscrepancyClass.MISSING_IN_LEDGER, 0)
