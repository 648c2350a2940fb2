"""The rules as models: the default, what amounts and fees they accept, how far they reach, and their version."""

from datetime import date
from typing import Any

import pytest

from recon_assets.domain.records import Side
from recon_assets.matching.rule_values import DateWindow, FeeSchedule, KeyColumn, Normaliser, Tolerance
from recon_assets.matching.rules import MatchingRules

KEYED: dict[str, Any] = {"name": "by_order", "keys": [["order_id"]]}
CLEANING: list[Any] = ["trim", {"strip_prefix": "PP-"}]
EVERYTHING: dict[str, Any] = {
    "passes": [
        {
            "name": "by_order",
            "where": {"processor": {"currency": {"in": ["USD", "EUR"]}}, "ledger": {"status": {"not_in": ["failed"]}}},
            "keys": [
                [{"processor": "order_id", "ledger": "reference_number", "normalise": CLEANING}],
                ["transaction_id", "merchant_id"],
            ],
            "amount": {"tolerance": {"minor": 5, "basis_points": 10, "base": "larger"}},
            "dates": {"days_before": 1, "days_after": 3, "count": "business"},
        },
        {"name": "payouts", "keys": [["payout_id"]], "cardinality": "many_to_one", "group_by": "payout_id"},
        {
            "name": "look_alikes",
            "scored": {
                "features": {"amount_equal": 50, "time_close": 20, "merchant_equal": 30},
                "time_close_seconds": 60,
                "confirm_from": 90,
                "margin": 10,
                "suggest_from": 50,
            },
        },
    ],
    "grace": {"ledger": {"days": 2, "count": "business"}, "processor": 1},
    "fees": {"basis_points": 290, "fixed_minor": {"USD": 30, "EUR": 25}},
    "holidays": [date(2025, 12, 26), date(2025, 12, 25)],
}


def test_the_default_is_the_id_and_then_the_reference_of_a_merchant() -> None:
    first, second = MatchingRules().passes

    assert (first.name, first.differs, first.keys) == (
        "transaction_id",
        "report",
        ((KeyColumn(processor="transaction_id", ledger="transaction_id"),),),
    )
    assert (second.name, second.differs) == ("reference", "leave")
    assert [column.processor for column in second.keys[0]] == ["reference_number", "merchant_id"]
    assert MatchingRules().restated
    assert MatchingRules().reach_days == 7


def test_a_plain_name_is_the_column_of_both_sides_and_a_step_has_its_text() -> None:
    mapped, plain = (alternative[0] for alternative in MatchingRules.model_validate(EVERYTHING).passes[0].keys)

    assert (mapped.processor, mapped.ledger) == ("order_id", "reference_number")
    assert mapped.normalise == (Normaliser(step="trim"), Normaliser(step="strip_prefix", text="PP-"))
    assert plain == KeyColumn.same("transaction_id")


@pytest.mark.parametrize("mode", ["json", "python"])
def test_what_is_written_out_reads_back_as_the_same_rules(mode: Any) -> None:
    rules = MatchingRules.model_validate(EVERYTHING)

    again = MatchingRules.model_validate(rules.model_dump(mode=mode))

    assert again == rules
    assert again.version == rules.version


def test_rules_that_say_the_same_have_one_version_however_they_are_written() -> None:
    wordy = {
        "restated": True,
        "passes": [
            {
                "differs": "leave",
                "amount": {"tolerance": {"minor": 0}},
                "keys": [[{"ledger": "order_id", "processor": "order_id", "normalise": []}]],
                "where": {"ledger": {"currency": {"in": ["EUR", "USD", "EUR"]}}},
                "name": "by_order",
            }
        ],
        "holidays": ["2025-12-26", "2025-12-25"],
        "grace": {"ledger": {"days": 2}, "processor": {"days": 0, "count": "business"}},
    }
    short = {
        "grace": {"ledger": 2},
        "passes": [KEYED | {"where": {"ledger": {"currency": {"in": ["USD", "EUR"]}}}}],
        "holidays": [date(2025, 12, 25), date(2025, 12, 26)],
    }

    assert MatchingRules.model_validate(wordy).version == MatchingRules.model_validate(short).version


def test_the_version_of_the_default_is_the_same_on_every_machine_and_day() -> None:
    rules = MatchingRules()

    assert rules.version == "dbb8781b60e5a87ecb7dfe8bbfb7b21da9742ba7a60c5b8b26dc175f9ae37e0a"
    assert rules.short_version == "dbb8781b60e5"


@pytest.mark.parametrize(
    "change",
    [
        {"restated": False},
        {"grace": {"ledger": 1}},
        {"grace": {"processor": 1}},
        {"holidays": [date(2025, 12, 25)]},
        {"fees": {"fixed_minor": {"USD": 30}}},
        {"passes": [KEYED | {"name": "by_invoice"}]},
        {"passes": [KEYED | {"differs": "report"}]},
        {"passes": [KEYED | {"amount": {"tolerance": {"minor": 1}}}]},
        {"passes": [KEYED | {"dates": {}}]},
        {"passes": [KEYED | {"keys": [["order_id"], ["record_id"]]}]},
        {"passes": [KEYED | {"keys": [["record_id"], ["order_id"]]}]},
        {"passes": [KEYED, KEYED | {"name": "again"}]},
    ],
)
def test_any_other_rule_is_another_version(change: dict[str, Any]) -> None:
    rules = {"passes": [KEYED]}

    assert MatchingRules.model_validate(rules | change).version != MatchingRules.model_validate(rules).version


@pytest.mark.parametrize(
    ("tolerance", "processor_minor", "ledger_minor", "accepted"),
    [
        ({}, 1000, 1000, True),
        ({}, 1000, 999, False),
        ({"minor": 1}, 1000, 999, True),
        ({"minor": 1}, 999, 1000, True),
        ({"minor": 1}, 1000, 998, False),
        ({"minor": 1}, -1000, -999, True),
        ({"minor": 1_000}, 600, -600, False),
        ({"basis_points": 100}, 1000, 990, True),
        ({"basis_points": 100}, 1000, 989, False),
        ({"basis_points": 100}, 999, 990, True),  # 9.99 is rounded down
        ({"basis_points": 100}, 999, 989, False),
        ({"basis_points": 100}, 990, 1000, False),
        ({"basis_points": 100, "base": "ledger"}, 990, 1000, True),
        ({"basis_points": 100, "base": "larger"}, 990, 1000, True),
        ({"basis_points": 100, "base": "larger"}, 1000, 990, True),
        ({"basis_points": 100, "base": "smaller"}, 1000, 990, False),
        ({"basis_points": 100, "base": "larger"}, -1000, -990, True),
        ({"minor": 20, "basis_points": 100}, 1000, 980, True),  # the larger of both, not their sum
        ({"minor": 20, "basis_points": 100}, 1000, 979, False),
        ({"minor": 1, "direction": "processor_more"}, 1000, 999, True),
        ({"minor": 1, "direction": "processor_more"}, 999, 1000, False),
        ({"minor": 1, "direction": "ledger_more"}, 999, 1000, True),
        ({"minor": 1, "direction": "ledger_more"}, 1000, 999, False),
        ({"minor": 1, "direction": "ledger_more"}, 1000, 1000, True),
    ],
)
def test_a_tolerance_accepts_what_it_says(
    tolerance: dict[str, Any], processor_minor: int, ledger_minor: int, accepted: bool
) -> None:
    rule = Tolerance.model_validate(tolerance)

    assert rule.accepts(processor_minor=processor_minor, ledger_minor=ledger_minor) is accepted


@pytest.mark.parametrize(
    ("amount_minor", "currency", "fee"),
    [(10_000, "USD", 320), (0, "USD", 30), (50, "USD", 31), (10_000, "JPY", 290), (10_000, "EUR", None)],
)
def test_a_schedule_says_the_fee_of_the_currencies_it_names(amount_minor: int, currency: str, fee: int | None) -> None:
    schedule = FeeSchedule(basis_points=290, fixed_minor={"USD": 30, "JPY": 0})

    assert schedule.expected_minor(amount_minor, currency=currency) == fee


def test_a_window_says_where_the_ledger_entry_may_stand() -> None:
    window = DateWindow(days_before=1, days_after=2, count="business")

    assert window.ledger_dates(date(2025, 9, 26)) == (date(2025, 9, 25), date(2025, 9, 30))
    assert DateWindow(days_after=2).ledger_dates(date(2025, 9, 26)) == (date(2025, 9, 26), date(2025, 9, 28))


def test_grace_ends_on_a_day_of_its_side() -> None:
    rules = MatchingRules.model_validate(EVERYTHING)

    assert rules.due_on(Side.LEDGER, business_date=date(2025, 9, 26)) == date(2025, 9, 30)
    assert rules.due_on(Side.LEDGER, business_date=date(2025, 12, 24)) == date(2025, 12, 30)  # over two holidays
    assert rules.due_on(Side.PROCESSOR, business_date=date(2025, 9, 26)) == date(2025, 9, 27)


@pytest.mark.parametrize(
    ("rules", "reach"),
    [
        ({"passes": [KEYED | {"dates": {"days_before": 4, "days_after": 1}}]}, 4),
        ({"passes": [KEYED | {"dates": {"days_after": 5}}], "grace": {"processor": 3}}, 5),
        ({"passes": [KEYED | {"dates": {"days_after": 2}}], "grace": {"ledger": 3}}, 3),
        ({"passes": [KEYED | {"dates": {"days_after": 2, "count": "business"}}], "grace": {"ledger": 3}}, 4),
        ({"passes": [KEYED], "grace": {"ledger": {"days": 1, "count": "business"}}, "holidays": ["2025-12-25"]}, 3),
        ({"passes": [KEYED], "grace": {"ledger": {"days": 1, "count": "business"}}, "holidays": ["2025-12-26"]}, 4),
    ],
)
def test_the_reach_is_the_longest_window_or_grace_in_calendar_days(rules: dict[str, Any], reach: int) -> None:
    assert MatchingRules.model_validate(rules).reach_days == reach
