"""From how many discrepancies, or how much money in one currency, news is medium, high or critical."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recon_assets.domain.messages import AlertSeverity


class Threshold(BaseModel):
    """Reached by either figure. `amount` is in major units of each currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    discrepancies: Annotated[int, Field(strict=True, ge=1)]
    amount: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]

    def is_reached(self, *, discrepancies: int, amounts: Sequence[Decimal]) -> bool:
        """Amounts are gross and absolute, one per currency."""
        return discrepancies >= self.discrepancies or any(amount >= self.amount for amount in amounts)


class SeverityThresholds(BaseModel):
    """Below the one of medium everything is low."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    critical: Threshold = Threshold(discrepancies=50, amount=Decimal("50000.00"))
    high: Threshold = Threshold(discrepancies=20, amount=Decimal("10000.00"))
    medium: Threshold = Threshold(discrepancies=5, amount=Decimal("1000.00"))

    @model_validator(mode="after")
    def _grow(self) -> Self:
        steps = (self.medium, self.high, self.critical)
        for lower, higher in pairwise(steps):
            if lower.discrepancies > higher.discrepancies or lower.amount > higher.amount:
                raise ValueError("critical must not be reached before high, nor high before medium")
        return self

    def severity(self, *, discrepancies: int, amounts: Sequence[Decimal]) -> AlertSeverity:
        """The highest whose threshold is reached."""
        for severity, threshold in (
            (AlertSeverity.CRITICAL, self.critical),
            (AlertSeverity.HIGH, self.high),
            (AlertSeverity.MEDIUM, self.medium),
        ):
            if threshold.is_reached(discrepancies=discrepancies, amounts=amounts):
                return severity
        return AlertSeverity.LOW
