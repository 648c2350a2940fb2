"""What people are told: verdicts and classes in plain words, and sentences that hold no card number and have an end."""

from dataclasses import replace

import pytest

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.messages import (
    MAX_SENTENCE_CHARACTERS,
    MAX_SENTENCES,
    AlertSeverity,
    Amounts,
    plain,
    plain_sentences,
)
from recon_assets.domain.plain_words import CLASS_MEANINGS, at_stake, heading, plain_verdict, volume, words
from recon_assets.domain.verdict import Verdict
from recon_assets_tests.domain.test_classes_and_conclusion import ANSWER
from recon_assets_tests.domain.test_verdict_and_risk import SAMPLE

YEN = replace(SAMPLE, currency="JPY", exponent=0, discrepancy_amount_minor=700, volume_minor=9000)
DAY = replace(ANSWER, proofs=(SAMPLE, YEN))


def test_every_class_is_called_by_its_own_name_and_says_what_happened() -> None:
    assert set(CLASS_MEANINGS) == set(DiscrepancyClass)
    assert all(meaning.endswith(".") for meaning in CLASS_MEANINGS.values())
    assert len(set(CLASS_MEANINGS.values())) == len(CLASS_MEANINGS)
    assert heading(DiscrepancyClass.MISSING_IN_LEDGER) == "Missing in ledger"
    assert words(Verdict.RECONCILED_WITH_PENDING) == "reconciled with pending"


def test_an_amount_has_the_places_of_its_currency_and_thousands_apart() -> None:
    assert SAMPLE.amount_text(657_750) == "6,577.50"
    assert SAMPLE.money_text(-1) == "-0.01 USD"
    assert YEN.money_text(9_000_000) == "9,000,000 JPY"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": Verdict.INCOMPLETE}, "nobody should rely on it."),
        (
            {},
            "7 discrepancies need attention: 19.95 USD and 700 JPY at stake, of 6,577.50 USD and 9,000 JPY processed.",
        ),
        ({"count_by_class": {DiscrepancyClass.AMBIGUOUS: 1}}, "1 discrepancy needs attention: "),
        (
            {"verdict": Verdict.RECONCILED_WITH_PENDING},
            "to the last minor unit. 4 records are still within the time allowed to arrive.",
        ),
        (
            {"verdict": Verdict.RECONCILED_WITH_PENDING, "count_by_class": {DiscrepancyClass.PENDING_IN_LEDGER: 1}},
            " 1 record is still within the time",
        ),
        ({"verdict": Verdict.RECONCILED_WITH_WARNINGS}, "with differences that the rules allow or a note."),
        ({"verdict": Verdict.RECONCILED}, "agree on 6,577.50 USD and 9,000 JPY, to the last minor unit."),
        (
            {"verdict": Verdict.RECONCILED, "processor_transactions": 0, "ledger_entries": 0},
            "Nothing happened on this day: both sides said so.",
        ),
    ],
)
def test_a_verdict_is_a_sentence_with_the_money_of_each_currency(changes: dict, said: str) -> None:
    assert said in plain_verdict(replace(DAY, **changes))


def test_without_money_at_stake_the_first_currency_is_named_and_without_any_none() -> None:
    clean = replace(SAMPLE, discrepancy_amount_minor=0)

    assert at_stake(replace(DAY, proofs=(clean, YEN))) == "700 JPY"
    assert at_stake(replace(DAY, proofs=(clean,))) == "0.00 USD"
    assert at_stake(ANSWER) == volume(ANSWER) == "no money"


def test_a_sentence_has_no_card_number_and_an_end() -> None:
    assert "4111111111111111" not in plain("the id 4111111111111111")
    assert plain("x" * MAX_SENTENCE_CHARACTERS) == "x" * MAX_SENTENCE_CHARACTERS
    assert plain("x" * (MAX_SENTENCE_CHARACTERS + 1)) == "x" * (MAX_SENTENCE_CHARACTERS - 1) + "…"


def test_of_many_sentences_the_first_are_told_and_how_many_more_there_are() -> None:
    texts = [f"reason {number}" for number in range(MAX_SENTENCES + 3)]

    assert plain_sentences(texts[:MAX_SENTENCES]) == tuple(texts[:MAX_SENTENCES])
    assert plain_sentences(texts) == (*texts[:MAX_SENTENCES], "and 3 more")


def test_severities_are_ordered_and_nothing_amounts_to_nothing() -> None:
    assert [severity.word for severity in sorted(AlertSeverity)] == ["low", "medium", "high", "critical"]
    assert (Amounts().count, Amounts().money) == (0, ())
