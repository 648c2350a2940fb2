"""The figures that every channel tells of a run, so that any two of them can be compared. Read back, never remembered.

What belongs here: what the figures are, and those of the record. Not here: reading them out of a file, which is
`figures_in_files`' and `xlsx_reading`'s.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.money import decimal_from_minor

PROOF_FIGURES = ("processor_total", "ledger_total", "difference", "explained_by_discrepancies", "residual")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a channel says; None where it does not say that at all.

    `count_by_class` has the classes with rows, `signed` what these rows add to processor total minus ledger total, per
    currency; `proof` has `PROOF_FIGURES` per currency.
    """

    verdict: str | None = None
    count_by_class: Mapping[str, int] | None = None
    signed: Mapping[str, Decimal] | None = None
    proof: Mapping[str, Mapping[str, Decimal]] | None = None


def figures_of(conclusion: Conclusion) -> Figures:
    """Of the record."""
    proof = {}
    for it in conclusion.proofs:
        totals = (it.processor_total_minor, it.ledger_total_minor, it.processor_total_minor - it.ledger_total_minor)
        minors = (*totals, it.signed_discrepancies_minor, it.residual_minor)
        amounts = (decimal_from_minor(minor, exponent=it.exponent) for minor in minors)
        proof[it.currency] = dict(zip(PROOF_FIGURES, amounts, strict=True))
    return Figures(
        verdict=conclusion.verdict.value,
        count_by_class={kind.value: count for kind, count in conclusion.count_by_class.items() if count},
        signed={currency: figures["explained_by_discrepancies"] for currency, figures in proof.items()},
        proof=proof,
    )


def figures_of_rows(rows: Iterable[Mapping[str, Any]], currencies: Iterable[str]) -> Figures:
    """Counts and money of report rows; of `currencies` without a row the money is 0."""
    counts = Counter[str]()
    totals = dict.fromkeys(currencies, Decimal(0))
    for row in rows:
        counts[row["class"]] += 1
        for currency, amount in _legs(row):
            totals[currency] = totals.get(currency, Decimal(0)) + amount
    return Figures(count_by_class=dict(counts), signed=totals)


def _legs(row: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    yield row["currency"], Decimal(row["amount"])
    if row["class"] == "currency_mismatch":
        yield row["ledger_currency"], -Decimal(row["ledger_amount"])
