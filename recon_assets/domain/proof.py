"""The proof of one processor-day in one currency, and the figures that a report takes from it."""

from dataclasses import dataclass

from recon_assets.domain.money import amount_text


@dataclass(frozen=True, slots=True)
class CurrencyProof:
    """All amounts in minor units of `currency`; currencies are never added.

    `processor_total_minor - ledger_total_minor` must equal `signed_discrepancies_minor`, the sum of what every
    named row, of whatever outcome, adds to that difference. The totals and the rows come from two different queries.
    The figures of discrepancies and of pending rows count those of their outcome alone.
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
    pending_count: int = 0
    pending_amount_minor: int = 0
    """Sum of the absolute amounts that wait for their counterpart."""

    @property
    def residual_minor(self) -> int:
        """What no named row explains. Anything but 0 is a finding of priority 1."""
        return self.processor_total_minor - self.ledger_total_minor - self.signed_discrepancies_minor

    def amount_text(self, amount_minor: int) -> str:
        """One of its figures as people read it: `1,234.50`."""
        return amount_text(amount_minor, exponent=self.exponent)

    def money_text(self, amount_minor: int) -> str:
        """The same with its currency: `1,234.50 USD`."""
        return f"{self.amount_text(amount_minor)} {self.currency}"
