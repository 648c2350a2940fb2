"""The answer's rows added up by class and currency, as the proof adds them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recon_assets.domain.discrepancies import DiscrepancyClass

if TYPE_CHECKING:
    import duckdb

_TOTALS: Final = """
    SELECT
        class, currency, sum(counted) AS count,
        sum(CAST(amount_minor AS HUGEINT)) AS signed,
        sum(abs(CAST(amount_minor AS HUGEINT))) AS gross
    FROM (
        SELECT class, priority, currency, amount_minor, 1 AS counted FROM discrepancies
        UNION ALL
        SELECT class, priority, ledger_currency, -ledger_amount_minor, 0 FROM discrepancies
        WHERE class = 'currency_mismatch'
    )
    GROUP BY class, priority, currency ORDER BY priority, class, currency
"""


@dataclass(frozen=True, slots=True)
class ClassTotal:
    """Amounts in minor units of `currency`. `signed_minor` is what the class adds to processor minus ledger total.

    A currency mismatch counts in the processor's currency; in the ledger's it has money and the count 0.
    """

    kind: DiscrepancyClass
    currency: str
    count: int
    signed_minor: int
    gross_minor: int


def class_totals(connection: "duckdb.DuckDBPyConnection") -> tuple[ClassTotal, ...]:
    """Of every class there is, the most urgent first. `connection` is one of `rows.report_rows`."""
    return tuple(
        ClassTotal(kind=DiscrepancyClass(kind), currency=currency, count=count, signed_minor=signed, gross_minor=gross)
        for kind, currency, count, signed, gross in connection.execute(_TOTALS).fetchall()
    )
