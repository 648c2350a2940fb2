"""The footers of a settlement report against its rows. Amounts are PayPal's own units, as unsigned as they are written.

`SF` (a section's) and `RF` (the report's) are, for one currency: gross credits, gross debits, fee credits, fee debits,
then pairs of CR or DR and an amount (beginning and ending available balance first), and the number of rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

FOOTER_TOTALS: Final = ("gross credits", "gross debits", "fee credits", "fee debits")
CREDIT: Final = "CR"
DEBIT: Final = "DR"

_FIRST_TOTAL: Final = 2
_FIRST_BALANCE: Final = _FIRST_TOTAL + len(FOOTER_TOTALS)
_BALANCE_CELLS: Final = 4
_FEWEST_CELLS: Final = _FIRST_BALANCE + _BALANCE_CELLS + 1
_MAX_DIGITS: Final = 19


@dataclass(slots=True)
class Totals:
    """What the rows of one currency add up to: `sums` in the order of `FOOTER_TOTALS`."""

    sums: list[int] = field(default_factory=lambda: [0] * len(FOOTER_TOTALS))
    rows: int = 0

    def add(self, other: "Totals") -> None:
        """Add a section to its report."""
        self.sums = [ours + theirs for ours, theirs in zip(self.sums, other.sums, strict=True)]
        self.rows += other.rows


class TotalsByCurrency:
    """What the rows of a section, or of a report, add up to, and which currencies have had their footer."""

    def __init__(self) -> None:
        self.by_currency: dict[str, Totals] = defaultdict(Totals)
        self._closed: set[str] = set()
        self.rows = 0

    def add_row(self, *, gross: tuple[str, str, str], fee: tuple[str, str, str]) -> None:
        """Count one row; each triple is the cells of currency, CR or DR, and amount. What can't be read adds nothing:
        the row is rejected, and the footer shows the difference.
        """
        self.rows += 1
        self.by_currency[gross[0]].rows += 1
        for first, (currency, side, digits) in enumerate((gross, fee)):
            amount = natural(digits)
            if amount and side in {CREDIT, DEBIT}:
                self.by_currency[currency].sums[2 * first + (side == DEBIT)] += amount

    def add_all(self, other: "TotalsByCurrency") -> None:
        """Add a section to its report."""
        self.rows += other.rows
        for currency, totals in other.by_currency.items():
            self.by_currency[currency].add(totals)

    def footer_problems(self, cells: Sequence[str]) -> Iterator[str]:
        """How one footer differs from the rows before it, in sentences."""
        if len(cells) < _FEWEST_CELLS:
            yield "a footer has fewer cells than a footer has"
            return
        currency = cells[1]
        self._closed.add(currency)
        totals = self.by_currency[currency]
        said = [natural(cell) for cell in cells[_FIRST_TOTAL:_FIRST_BALANCE]]
        for name, footer, rows in zip(FOOTER_TOTALS, said, totals.sums, strict=True):
            yield from _difference(f"{currency}: the footer's {name}", footer, rows)
        yield from _difference(f"{currency}: the footer's number of rows", natural(cells[-1]), totals.rows)
        begins, ends = _balances(cells)
        if begins is None or ends is None or None in said:
            yield f"{currency}: a number of the footer can't be read"
            return
        credits_, debits, fee_credits, fee_debits = (amount or 0 for amount in said)
        moved = credits_ - debits + fee_credits - fee_debits
        if begins + moved != ends:
            yield (
                f"{currency}: the balance ends {ends - begins - moved:+} smallest unit(s) from its beginning "
                "and the footer's movements"
            )

    def missing_footers(self) -> Iterable[str]:
        """Currencies with rows and no footer."""
        return sorted(set(self.by_currency) - self._closed)


def natural(cell: str) -> int | None:
    """Digits only, and not more than 64 bits can hold."""
    text = cell.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def _difference(what: str, said: int | None, found: int) -> Iterator[str]:
    if said is not None and said != found:
        unit = "" if what.endswith("rows") else " smallest unit(s)"
        yield f"{what} differ by {said - found:+}{unit} from the rows"


def _balances(cells: Sequence[str]) -> tuple[int | None, int | None]:
    """Beginning and ending available balance, signed."""

    def signed(at: int) -> int | None:
        amount, side = natural(cells[at + 1]), cells[at]
        if amount is None or side not in {CREDIT, DEBIT}:
            return None
        return amount if side == CREDIT else -amount

    return signed(_FIRST_BALANCE), signed(_FIRST_BALANCE + 2)
