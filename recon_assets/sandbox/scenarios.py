"""What each processor-day of the sandbox shows. The processor always has the 30 products, one transaction each.

| day | processor | what differs |
|---|---|---|
| 2025-09-30 | stripe | the sample day: the ledger lacks 0026 to 0030: 5 of 30, 19.95 of 6,577.50 USD |
| 2025-09-30 | paypal | nothing: reconciled |
| 2025-09-30 | square | the ledger lacks 0029 and 0030 |
| 2025-09-29 | any | every class of discrepancy once: see `EVERY_CLASS_ONCE` |
| 2025-09-28 | any | the ledger says that nothing happened, the processor has 30: incomplete |
| any other | any | the ledger lacks the last 0 to 3 transactions, by a hash of processor and date |

The same processor and date always give the same records, on every machine.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Final

PRODUCT_COUNT: Final = 30
EXTRA_ENTRY_NUMBER: Final = 9001
"""The number in the id of a ledger entry that no product stands behind: `TXN_..._9001`."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Product ids by what is wrong with them; a product that is named nowhere agrees on both sides."""

    missing_in_ledger: frozenset[int] = frozenset()
    ledger_amount_is_one_cent_lower: frozenset[int] = frozenset()
    ledger_says_eur: frozenset[int] = frozenset()
    ledger_says_pending: frozenset[int] = frozenset()
    twice_at_processor: frozenset[int] = frozenset()
    twice_in_ledger: frozenset[int] = frozenset()
    ledger_has_extra_entry: bool = False
    ledger_says_empty: bool = False


RECONCILED: Final = Scenario()

EVERY_CLASS_ONCE: Final = Scenario(
    ledger_amount_is_one_cent_lower=frozenset({1}),  # amount_mismatch
    ledger_says_eur=frozenset({2}),  # currency_mismatch
    ledger_says_pending=frozenset({3}),  # status_mismatch
    twice_at_processor=frozenset({4}),  # duplicate_at_processor
    twice_in_ledger=frozenset({5}),  # duplicate_in_ledger
    missing_in_ledger=frozenset({30}),  # missing_in_ledger
    ledger_has_extra_entry=True,  # missing_at_processor
)

_SAMPLE_DAY: Final = date(2025, 9, 30)
_EVERY_CLASS_DAY: Final = date(2025, 9, 29)
_EMPTY_LEDGER_DAY: Final = date(2025, 9, 28)
_ON_SAMPLE_DAY: Final = {
    "stripe": Scenario(missing_in_ledger=frozenset(range(26, 31))),
    "paypal": RECONCILED,
    "square": Scenario(missing_in_ledger=frozenset({29, 30})),
}
_MISSING_COUNTS: Final = (0, 0, 0, 1, 2, 3)
"""Half of the other days reconcile."""


def scenario_of(processor: str, business_date: date) -> Scenario:
    """The scenario of one processor-day, by the table above."""
    if business_date == _SAMPLE_DAY and processor in _ON_SAMPLE_DAY:
        return _ON_SAMPLE_DAY[processor]
    if business_date == _EVERY_CLASS_DAY:
        return EVERY_CLASS_ONCE
    if business_date == _EMPTY_LEDGER_DAY:
        return Scenario(ledger_says_empty=True)
    digest = hashlib.sha256(f"{processor} {business_date.isoformat()}".encode()).digest()
    missing_count = _MISSING_COUNTS[digest[0] % len(_MISSING_COUNTS)]
    return Scenario(missing_in_ledger=frozenset(range(PRODUCT_COUNT - missing_count + 1, PRODUCT_COUNT + 1)))
