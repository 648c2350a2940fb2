"""Exactness of money at the edges."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon_assets.domain.money import MAX_MINOR, NotRepresentable, decimal_from_minor, minor_from_text


@given(minor=st.integers(-MAX_MINOR, MAX_MINOR), exponent=st.sampled_from([0, 2, 3, 4]))
def test_text_of_an_amount_reads_back_as_the_same_amount(minor: int, exponent: int) -> None:
    text = f"{decimal_from_minor(minor, exponent=exponent):f}"

    assert minor_from_text(text, exponent=exponent) == minor


@pytest.mark.parametrize(
    ("text", "exponent", "minor"),
    [("0.99", 2, 99), ("-0.01", 2, -1), ("12", 0, 12), ("12.3450", 3, 12345), ("+5", 2, 500), ("1.10", 1, 11)],
)
def test_plain_decimals_are_read(text: str, exponent: int, minor: int) -> None:
    assert minor_from_text(text, exponent=exponent) == minor


@pytest.mark.parametrize(
    "text", ["", ".", "1e3", "1_000", "1,000.00", " 1", "1 ", ".5", "5.", "NaN", "Infinity", "\u0661"]
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(NotRepresentable) as caught:
        minor_from_text(text, exponent=2)

    assert not text.strip() or text not in str(caught.value)


def test_more_places_than_the_currency_has_are_never_rounded() -> None:
    with pytest.raises(NotRepresentable, match="more than 2 decimal places"):
        minor_from_text("12.345", exponent=2)


def test_amounts_beyond_64_bits_are_refused() -> None:
    with pytest.raises(NotRepresentable, match="64 bits"):
        minor_from_text(str(MAX_MINOR + 1), exponent=0)


def test_people_see_every_place_of_the_currency() -> None:
    assert str(decimal_from_minor(657750, exponent=2)) == "6577.50"
    assert decimal_from_minor(5, exponent=3) == Decimal("0.005")
