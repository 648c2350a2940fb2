"""How a processor has done lately: the answers of its last days, and what is open by age."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from recon_assets.domain.verdict import Verdict

AGEING_BUCKETS: Final = ("0-1", "2-7", "8-30", "over 30")
"""Days since the business date."""


@dataclass(frozen=True, slots=True)
class AnsweredDay:
    """The current answer of one day. `amounts` is the gross discrepancy amount in minor units, by currency."""

    business_date: date
    verdict: Verdict
    discrepancy_count: int
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OpenDiscrepancies:
    """Those of one ageing bucket and currency that are not resolved. `amount_minor` is gross."""

    bucket: str
    currency: str
    count: int
    amount_minor: int
