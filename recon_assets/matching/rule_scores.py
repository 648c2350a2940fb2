"""How a pass without keys scores its candidates: features with integer weights, and when a score is a match.

Validation only; the scores are computed by the engine.
"""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from recon_assets.matching.rule_values import Minor, Strict
from recon_assets.yaml_documents import mistake

MAX_WEIGHT: Final = 1_000
MAX_SCORE: Final = 10_000
MAX_TIME_CLOSE_SECONDS: Final = 86_400

Weight = Annotated[int, Field(strict=True, ge=0, le=MAX_WEIGHT)]
Score = Annotated[int, Field(strict=True, ge=1, le=MAX_SCORE)]


class Features(Strict):
    """What each agreement of two records is worth; 0 is nothing. What a side does not say agrees with nothing.

    `amount_close` counts for amounts that differ within the pass's tolerance, `time_close` for instants at most
    `time_close_seconds` apart.
    """

    amount_equal: Weight = 0
    amount_close: Weight = 0
    time_close: Weight = 0
    merchant_equal: Weight = 0
    reference_equal: Weight = 0
    order_equal: Weight = 0
    movement_equal: Weight = 0

    @property
    def highest_score(self) -> int:
        """What a pair in full agreement gets: equal and close exclude each other."""
        amount = max(self.amount_equal, self.amount_close)
        others = (self.time_close, self.merchant_equal, self.reference_equal, self.order_equal, self.movement_equal)
        return amount + sum(others)


class Scored(Strict):
    """Candidates are of one day, have equal currency and amounts at most `amount_band_minor` apart.

    A pair is confirmed when it scores `confirm_from` or more, at least `margin` more than any other candidate of either
    record, and its amounts agree within the pass's tolerance. Others from `suggest_from` on are suggested.
    """

    features: Features
    amount_band_minor: Minor = 0
    time_close_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_TIME_CLOSE_SECONDS)] | None = None
    confirm_from: Score
    margin: Score
    suggest_from: Score

    @model_validator(mode="after")
    def _can_confirm_and_refuse(self) -> Self:
        highest = self.features.highest_score
        if self.confirm_from > highest:
            raise mistake(f"is never reached: full agreement scores {highest}", at=("confirm_from",))
        if self.suggest_from > self.confirm_from:
            raise mistake("must not be above confirm_from", at=("suggest_from",))
        if (self.features.time_close > 0) != (self.time_close_seconds is not None):
            raise mistake("goes with a weight of time_close: give both or neither", at=("time_close_seconds",))
        return self
