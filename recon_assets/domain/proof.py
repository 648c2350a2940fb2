"""The proof of one processor-day in one currency, and the figures that a report takes from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurrencyProof:
    """All amounts in minor units of `currency`; currencies are never added.

    `processor_total_minor - ledger_total_minor` must equal `signed_discrepancies_minor`, the sum of what every
    named discrepancy adds to that difference. The totals and the discrepancies come from two different queries.
    """

    currency: str
    exponent: int
    processor_transactions: int
    ledger_entries: int
    processor_total_minor: int
    ledger_total_minor: int
    signed_discrepancies_minor: int
    discrepancy_count: int
    discrepancy_amount_minor: int
    """Sum of the absolute differences: gross, so that offsetting differences are not netted away."""
    volume_minor: int
    """Sum of the absolute amounts at the processor."""

    @property
    def residual_minor(self) -> int:
        """What no named discrepancy explains. Anything but 0 is a finding of priority 1."""
        return self.processor_total_minor - self.ledger_total_minor - self.signed_discrepancies_minor
