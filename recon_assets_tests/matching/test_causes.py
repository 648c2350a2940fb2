"""Likely causes: found where they were planted, and not where chance or the shape of the day explains it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recon_assets.domain.business_day import business_day
from recon_assets.domain.causes import Cause, CauseKind, Spread, best, how_many, is_concentrated, is_silent_after
from recon_assets.matching.causes import DiagnosedDay, find_causes
from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.frames import Record, write_frame_file

DATE = date(2025, 9, 30)
MIDNIGHT = datetime(2025, 9, 30, tzinfo=UTC)
Find = Callable[..., tuple[Cause, ...]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    def find(processor: list[Record], ledger: list[Record], *, zone: str = "UTC") -> tuple[Cause, ...]:
        transactions = write_frame_file(tmp_path / "transactions.parquet", processor)
        entries = write_frame_file(tmp_path / "ledger_entries.parquet", ledger)
        matching: Matching = match_day(
            Day(processor="stripe", business_date=DATE, transactions=transactions, ledger_entries=entries),
            MatchingRules(),
            into=tmp_path / "matched",
        )
        day = DiagnosedDay(business_day("stripe", DATE, time_zone=zone), zone, transactions, entries)
        return find_causes(matching, day)

    return find


def spread_day(count: int = 480) -> list[Record]:
    """One record every three minutes around the clock, ten merchants in turn, amounts all different."""
    return [
        Record(
            f"T-{number:04}",
            amount_minor=10_000 + number * 37,
            occurred_at=MIDNIGHT + timedelta(minutes=3 * number),
            merchant_id=f"M-{number % 10}",
            fee_minor=320 + number,
            raw_file=f"page-{number // 100:05}.json",
        )
        for number in range(count)
    ]


def without(records: list[Record], left_out: Callable[[int, Record], bool]) -> list[Record]:
    return [record for number, record in enumerate(records) if not left_out(number, record)]


def changed(records: list[Record], amount: Callable[[int, Record], int]) -> list[Record]:
    return [replace(record, amount_minor=amount(number, record)) for number, record in enumerate(records)]


def test_the_last_hour_missing_in_the_ledger_is_a_cut_off_with_its_share_and_money(find: Find) -> None:
    day = spread_day()

    (cause,) = find(day, without(day, lambda _, record: record.instant.hour == 23))

    assert cause.kind is CauseKind.CUT_OFF
    assert cause.sentence == "all 20 missing in the ledger lie within 23:00 to 24:00 UTC: cut-off"
    assert (cause.discrepancy_count, cause.share_basis_points) == (20, 10_000)
    assert cause.amounts == {"USD": sum(record.amount_minor for record in day[460:])}


def test_a_window_is_told_in_the_zone_of_the_processor(find: Find) -> None:
    start = datetime(2025, 9, 29, 22, tzinfo=UTC)  # midnight in Berlin
    day = [replace(record, occurred_at=start + timedelta(minutes=3 * n)) for n, record in enumerate(spread_day())]

    (cause,) = find(day, without(day, lambda number, _: number < 20), zone="Europe/Berlin")

    assert cause.sentence == "all 20 missing in the ledger lie within 00:00 to 01:00 CEST: cut-off"


def test_a_window_in_the_middle_of_the_day_is_no_cut_off(find: Find) -> None:
    day = spread_day()

    (cause,) = find(day, without(day, lambda _, record: record.instant.hour in {13, 14}))

    assert (cause.kind, cause.sentence) == (
        CauseKind.TIME_WINDOW,
        "all 40 missing in the ledger lie within 13:00 to 15:00 UTC",
    )


def test_a_ledger_that_stops_is_told_with_the_time_and_what_comes_after(find: Find) -> None:
    day = spread_day()

    (cause,) = find(day, without(day, lambda number, _: number > 281 or number in {5, 50}))

    assert cause.kind is CauseKind.FEED_STOPS
    assert cause.sentence == (
        "the ledger feed stops at 14:03 UTC: 198 of 200 (99 %) missing in the ledger lie after it"
    )
    assert (cause.discrepancy_count, cause.share_basis_points) == (198, 9_900)


def test_a_ledger_that_stops_in_the_last_hours_at_no_full_hour_is_no_cut_off(find: Find) -> None:
    day = spread_day()

    (cause,) = find(day, without(day, lambda number, _: number > 446))

    assert cause.sentence == "the ledger feed stops at 22:18 UTC: all 33 missing in the ledger lie after it"


def test_a_processor_that_stops_or_starts_late_is_told_too(find: Find) -> None:
    day = spread_day()

    (stops,) = find(without(day, lambda number, _: number > 400), day)
    (starts,) = find(without(day, lambda number, _: number < 100), day)

    assert (stops.kind, stops.sentence) == (
        CauseKind.FEED_STOPS,
        "the processor feed stops at 20:00 UTC: all 79 missing at the processor lie after it",
    )
    assert (starts.kind, starts.sentence) == (
        CauseKind.FEED_STARTS_LATE,
        "the processor feed starts at 05:00 UTC: all 100 missing at the processor lie before it",
    )


def test_a_ledger_that_books_at_midnight_has_not_stopped(find: Find) -> None:
    day = spread_day()
    ledger = [replace(record, occurred_at=MIDNIGHT) for record in day]

    assert find(day, without(ledger, lambda number, _: number % 8 == 0)) == ()


def test_a_ledger_that_books_at_a_few_times_of_the_day_does_not_stop_at_the_last_one(find: Find) -> None:
    def at_full_hours(record: Record, *, hours: int) -> Record:
        return replace(record, occurred_at=record.instant.replace(hour=record.instant.hour // hours * hours, minute=0))

    day = spread_day()
    until_noon = without(day, lambda number, _: number > 240)

    every_four_hours = find(day, [at_full_hours(record, hours=4) for record in until_noon])
    every_hour = find(day, [at_full_hours(record, hours=1) for record in until_noon])

    assert CauseKind.FEED_STOPS not in {cause.kind for cause in every_four_hours}
    assert CauseKind.FEED_STOPS in {cause.kind for cause in every_hour}


def test_one_merchant_is_named_with_the_share_of_the_class(find: Find) -> None:
    day = spread_day()

    (cause,) = find(day, without(day, lambda number, record: record.merchant_id == "M-7" or number in {10, 200, 431}))

    assert cause.kind is CauseKind.ONE_MERCHANT
    assert cause.sentence == "48 of 51 (94 %) missing in the ledger belong to one merchant, M-7"


def test_a_merchant_with_nine_tenths_of_all_transactions_is_no_cause(find: Find) -> None:
    day = [replace(record, merchant_id="BIG" if n % 10 else "SMALL") for n, record in enumerate(spread_day())]

    assert find(day, without(day, lambda number, _: number % 12 == 5)) == ()


def test_a_number_like_that_of_a_card_is_masked_in_a_sentence(find: Find) -> None:
    day = [
        replace(record, merchant_id="4111 1111 1111 1111" if number % 10 == 3 else record.merchant_id)
        for number, record in enumerate(spread_day())
    ]

    (cause,) = find(day, without(day, lambda number, _: number % 10 == 3))

    assert cause.sentence.endswith("belong to one merchant, **** **** **** 1111")


def test_one_raw_file_is_named(find: Find) -> None:
    day = [replace(record, raw_file=f"part-{n % 7}.csv", merchant_id=None) for n, record in enumerate(spread_day())]

    (cause,) = find(day, without(day, lambda _, record: record.raw_file == "part-3.csv"))

    assert (cause.kind, cause.sentence) == (
        CauseKind.ONE_RAW_FILE,
        "all 69 missing in the ledger come from one raw file, part-3.csv",
    )


def test_one_status_and_one_currency_are_named(find: Find) -> None:
    plain = [replace(record, merchant_id=None) for record in spread_day()]
    failed = [replace(record, status="failed" if n % 9 == 4 else "completed") for n, record in enumerate(plain)]
    euros = [replace(record, currency="EUR" if n % 9 == 4 else "USD") for n, record in enumerate(plain)]

    (status,) = find(failed, without(failed, lambda _, record: record.status == "failed"))
    (currency,) = find(euros, without(euros, lambda _, record: record.currency == "EUR"))

    assert status.sentence == "all 53 missing in the ledger have the status failed at the processor"
    assert currency.sentence == "all 53 missing in the ledger are in EUR at the processor"


def test_of_a_status_mismatch_the_word_of_the_ledger_is_told(find: Find) -> None:
    day = spread_day()
    ledger = [replace(record, status="pending" if n % 11 == 4 else "completed") for n, record in enumerate(day)]

    (cause,) = find(day, ledger)

    assert cause.sentence == "all 44 status mismatches have the status pending in the ledger"


def test_differences_that_are_the_fee_say_that_the_ledger_has_net_for_gross(find: Find) -> None:
    day = spread_day()
    ledger = changed(day, lambda n, record: record.amount_minor - (record.fee_minor or 0) * (n % 5 == 2))

    (cause,) = find(day, ledger)

    assert cause.kind is CauseKind.NET_FOR_GROSS
    assert cause.sentence == "all 96 amount mismatches differ by exactly their fee: the ledger has net for gross"


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (30, "all 96 amount mismatches have the constant difference 0.30 USD: a fixed fee"),
        (-1, "all 96 amount mismatches have the constant difference -0.01 USD: rounding"),
    ],
)
def test_a_constant_difference_is_told_as_an_amount(find: Find, difference: int, sentence: str) -> None:
    day = spread_day()

    (cause,) = find(day, changed(day, lambda n, record: record.amount_minor - difference * (n % 5 == 2)))

    assert (cause.kind, cause.sentence) == (CauseKind.CONSTANT_DIFFERENCE, sentence)


def test_a_constant_difference_of_a_single_price_proves_nothing(find: Find) -> None:
    day = [replace(record, amount_minor=1999) for record in spread_day()]

    assert find(day, changed(day, lambda n, record: record.amount_minor - 30 * (n % 5 == 2))) == ()


def test_a_constant_rate_is_told_in_per_cent(find: Find) -> None:
    day = spread_day()

    def less_a_rate(number: int, record: Record) -> int:
        return record.amount_minor - ((record.amount_minor * 29 + 500) // 1000) * (number % 5 == 2)

    (cause,) = find(day, changed(day, less_a_rate))

    assert cause.kind is CauseKind.CONSTANT_RATE
    assert cause.sentence == "all 96 amount mismatches have the constant difference 2.90 % of the amount: a rate"


def test_small_differences_fit_any_rate_and_are_told_as_none(find: Find) -> None:
    day = [replace(record, amount_minor=100 + n, fee_minor=None) for n, record in enumerate(spread_day())]

    assert find(day, changed(day, lambda n, record: record.amount_minor - (1 + n % 3) * (n % 5 == 2))) == ()


def test_an_empty_feed_is_told_whatever_the_count(find: Find) -> None:
    day = spread_day(4)

    (ledger,) = find(day, [])
    (processor,) = find([], day)

    assert ledger.kind is CauseKind.WHOLE_FEED_MISSING
    assert ledger.sentence == "the ledger feed has no records: all 4 of the processor stand alone"
    assert ledger.amounts == {"USD": sum(record.amount_minor for record in day)}
    assert processor.sentence == "the processor feed has no records: all 4 of the ledger stand alone"


def test_little_evidence_is_none(find: Find) -> None:
    day = spread_day()

    assert find(day, without(day, lambda _, record: record.merchant_id == "M-7" and record.instant.hour < 4)) == ()
    assert find(day, day) == ()
    assert find([], []) == ()


def test_differences_spread_at_random_have_no_cause(find: Find) -> None:
    day = spread_day()

    assert find(day, without(day, lambda number, _: number * 7919 % 101 < 12)) == ()


def test_several_causes_come_in_one_order_whatever_the_order_of_records(find: Find) -> None:
    day = spread_day()
    ledger = without(
        changed(day, lambda n, record: record.amount_minor - 30 * (n % 10 == 4)),
        lambda _, record: record.merchant_id == "M-7" and record.instant.hour < 12,
    )

    causes = find(day, ledger)

    assert [(cause.kind, cause.discrepancy_count, cause.share_basis_points) for cause in causes] == [
        (CauseKind.CONSTANT_DIFFERENCE, 48, 6_666),
        (CauseKind.ONE_MERCHANT, 48, 6_666),
        (CauseKind.ONE_MERCHANT, 24, 3_333),
    ]
    assert find(day[::-1], ledger[::-1]) == causes


def test_at_most_three_are_kept_those_that_explain_most() -> None:
    causes = [Cause(kind, "s", count, 1, {}) for count, kind in enumerate(CauseKind)]

    assert [cause.discrepancy_count for cause in best(causes)] == [11, 10, 9]
    tied = [Cause(kind, "s", 5, 1, {}) for kind in reversed(CauseKind)]
    assert [cause.kind for cause in best(tied)] == list(CauseKind)[:3]


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (Spread(10, 10, 1000, 100), True),
        (Spread(11, 10, 1000, 100), True),
        (Spread(12, 10, 1000, 100), True),
        (Spread(12, 10, 1000, 300), False),
        (Spread(9, 9, 1000, 10), False),
        (Spread(10, 10, 1000, 300), False),
        (Spread(1000, 900, 10_000, 9_000), False),
        (Spread(1000, 1000, 10_000, 9_000), True),
        (Spread(10, 10, 10, 10), False),
    ],
)
def test_a_pattern_is_a_cause_only_where_it_is_missed_elsewhere(spread: Spread, expected: bool) -> None:
    assert is_concentrated(spread) is expected


def test_silence_needs_records_before_it() -> None:
    assert is_silent_after(Spread(100, 98, 1000, 100))
    assert not is_silent_after(Spread(100, 98, 105, 100))
    assert not is_silent_after(Spread(100, 90, 1000, 100))


def test_a_share_never_rounds_up_to_all() -> None:
    assert (how_many(412, of=412), how_many(9_999, of=10_000)) == ("all 412", "9,999 of 10,000 (99 %)")
