"""When what discrepancies share is said: enough of them, most of their class, and much rarer without it."""

import pytest

from recon_assets.domain.causes import (
    MAX_CAUSES,
    Cause,
    CauseKind,
    Spread,
    best,
    how_many,
    is_common,
    is_concentrated,
    is_silent_after,
)


@pytest.mark.parametrize(
    ("count", "of", "is_enough"), [(10, 10, True), (9, 9, False), (80, 100, True), (79, 100, False), (10, 13, False)]
)
def test_a_pattern_is_common_from_ten_discrepancies_and_four_fifths_on(count: int, of: int, is_enough: bool) -> None:
    assert is_common(count, of=of) is is_enough


@pytest.mark.parametrize(
    ("spread", "is_cause"),
    [
        (Spread(discrepancies=100, with_pattern=100, records=1000, records_with_pattern=100), True),
        (Spread(discrepancies=100, with_pattern=90, records=1000, records_with_pattern=500), True),
        (Spread(discrepancies=100, with_pattern=89, records=1000, records_with_pattern=500), False),
        (Spread(discrepancies=100, with_pattern=90, records=1000, records_with_pattern=900), False),
        (Spread(discrepancies=100, with_pattern=100, records=1000, records_with_pattern=930), False),
        (Spread(discrepancies=100, with_pattern=79, records=1000, records_with_pattern=0), False),
    ],
    ids=["all of a tenth", "five times rarer", "less than that", "as all records", "too few expected", "not common"],
)
def test_a_merchant_with_most_records_is_no_cause_of_most_discrepancies(spread: Spread, is_cause: bool) -> None:
    assert is_concentrated(spread) is is_cause


@pytest.mark.parametrize(
    ("spread", "is_silent"),
    [
        (Spread(discrepancies=100, with_pattern=95, records=200, records_with_pattern=100), True),
        (Spread(discrepancies=94, with_pattern=94, records=200, records_with_pattern=100), False),
        (Spread(discrepancies=121, with_pattern=100, records=200, records_with_pattern=100), False),
        (Spread(discrepancies=100, with_pattern=100, records=109, records_with_pattern=100), False),
    ],
    ids=["silent", "some are not alone", "many are alone before", "nothing before"],
)
def test_in_a_silence_nearly_all_records_are_alone_and_outside_few(spread: Spread, is_silent: bool) -> None:
    assert is_silent_after(spread) is is_silent


def test_the_causes_that_explain_most_come_first_and_of_equal_ones_the_more_certain() -> None:
    def cause(kind: CauseKind, count: int) -> Cause:
        return Cause(kind, f"{kind}.", discrepancy_count=count, share_basis_points=count, amounts={"USD": count})

    few, merchant, stops = (
        cause(CauseKind.CUT_OFF, 10),
        cause(CauseKind.ONE_MERCHANT, 50),
        cause(CauseKind.FEED_STOPS, 50),
    )
    more = cause(CauseKind.ONE_STATUS, 20)

    assert best([few, merchant, more, stops]) == (stops, merchant, more)
    assert len(best([few] * 9)) == MAX_CAUSES


@pytest.mark.parametrize(
    ("count", "of", "said"),
    [(412, 412, "all 412"), (358, 412, "358 of 412 (86 %)"), (1999, 2000, "1,999 of 2,000 (99 %)")],
)
def test_a_share_is_rounded_down_so_that_a_hundred_percent_is_all(count: int, of: int, said: str) -> None:
    assert how_many(count, of=of) == said
