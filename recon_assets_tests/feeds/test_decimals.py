"""Whole columns of amounts must be exactly what the domain's own parser says of each."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.domain.money import MAX_MINOR, NotRepresentable, minor_from_text
from recon_assets.feeds.decimals import (
    NOT_A_WHOLE_NUMBER,
    UNKNOWN_CURRENCY,
    MinorUnits,
    minor_units_from_text,
    minor_units_from_whole_numbers,
)
from recon_assets.schemas.currencies import exponents

SIGN = st.sampled_from(["", "-", "+"])
DIGITS = st.text("0123456789", min_size=0, max_size=22)
NUMBER_LIKE = st.builds(
    lambda sign, whole, point, fraction, tail: sign + whole + point + fraction + tail,
    SIGN,
    DIGITS,
    st.sampled_from(["", ".", ".."]),
    DIGITS,
    st.sampled_from(["", "0000000000", " ", "e3", "E-2", "_0", "\n", "-", "٣"]),
)
AT_THE_LIMIT = st.integers(-(2**63) - 10**5, 2**63 + 10**5).map(str)
ANY_TEXT = st.one_of(NUMBER_LIKE, AT_THE_LIMIT, st.text(max_size=6), st.none())
CURRENCY = st.sampled_from(["JPY", "USD", "KWD", "CLF", "EUR", "XAU", "usd", "", None])


def one_by_one(texts: list[str | None], currencies: list[str | None]) -> MinorUnits:
    values: list[int | None] = []
    reasons = {}
    for row, (text, currency) in enumerate(zip(texts, currencies, strict=True)):
        values.append(None)
        if text is None:
            continue
        exponent = exponents().get(currency or "")
        if exponent is None:
            reasons[row] = UNKNOWN_CURRENCY
            continue
        try:
            values[row] = minor_from_text(text, exponent=exponent)
        except NotRepresentable as error:
            reasons[row] = str(error)
    return MinorUnits(pa.array(values, pa.int64()), reasons)


def column_of(texts: list[str | None], currencies: list[str | None]) -> MinorUnits:
    return minor_units_from_text(pa.array(texts, pa.string()), pa.array(currencies, pa.string()).dictionary_encode())


@settings(deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, CURRENCY), max_size=12))
def test_a_column_is_what_the_domain_says_of_each_text(rows: list[tuple[str | None, str | None]]) -> None:
    texts, currencies = [text for text, _ in rows], [currency for _, currency in rows]
    assert column_of(texts, currencies) == one_by_one(texts, currencies)


PLAIN = st.from_regex(r"[+-]?[0-9]{1,16}(\.[0-9]{1,5})?", fullmatch=True)


@settings(deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=8), st.sampled_from([["USD", "EUR"], ["JPY"], ["CLF"], ["USD", "KWD"]]))
def test_plain_columns_are_read_alike_whether_their_currencies_have_equal_places_or_not(
    texts: list[str], words: list[str]
) -> None:
    currencies: list[str | None] = [words[row % len(words)] for row in range(len(texts))]
    assert column_of([*texts], currencies) == one_by_one([*texts], currencies)


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD", "CLF"])
@pytest.mark.parametrize(
    "text",
    [
        " 12", "12 ", "1e3", "+5", ".5", "12.", "1_000", "12.3450", "12.34500000000000000000000000000000000000000",
        "12.00", "-0", "-0.01", "0012", "00000000000000000000012", "", "-", "NaN", "inf", "1,000.00", "1.2.3",
        "9223372036854775807", "9223372036854775808", "-9223372036854775807", "-9223372036854775808",
        "92233720368547758.07", "92233720368547758.08", "99999999999999.9999", "100000000000000.0001",
        "9999999999999999999", "90071992547409.93",
    ],
)  # fmt: skip
def test_texts_at_the_edge_are_read_alike_alone_and_among_plain_ones(text: str, currency: str) -> None:
    alone = column_of([text], [currency])
    among = column_of(["1", text, "2"], [currency] * 3)
    assert alone == one_by_one([text], [currency])
    assert among.values[1] == alone.values[0]
    assert set(among.reasons) == ({1} if alone.reasons else set())


def test_a_slice_of_a_longer_array_is_read_at_its_own_place() -> None:
    texts, currencies = pa.array(["1.00", None, "2.00", "x", "3.00"]), pa.array(["USD"] * 5).dictionary_encode()
    got = minor_units_from_text(texts.slice(2), currencies.slice(2))
    assert got == MinorUnits(pa.array([200, None, 300]), {1: "not a plain decimal number"})


def test_an_absent_amount_is_null_and_not_zero_and_not_bad() -> None:
    assert column_of([None, "0"], ["USD", "USD"]) == MinorUnits(pa.array([None, 0], pa.int64()), {})


def test_no_rows_are_no_trouble() -> None:
    assert column_of([], []) == MinorUnits(pa.array([], pa.int64()), {})


@settings(deadline=None)
@given(st.lists(st.one_of(ANY_TEXT, st.integers(-MAX_MINOR, MAX_MINOR).map(str)), max_size=8))
def test_minor_units_are_whole_numbers_exactly_or_refused(texts: list[str | None]) -> None:
    got = minor_units_from_whole_numbers(pa.array(texts, pa.string()))
    for row, text in enumerate(texts):
        if text is None:
            assert got.values[row].as_py() is None
            assert row not in got.reasons
        elif "." in text:
            assert got.reasons[row] == NOT_A_WHOLE_NUMBER
        else:
            expected = one_by_one([text], ["JPY"])
            assert got.values[row] == expected.values[0]
            assert (row in got.reasons) == bool(expected.reasons)


def test_no_reason_carries_the_value() -> None:
    reasons = column_of(["12.3456789", "secret", "99999999999999999999"], ["USD"] * 3).reasons.values()
    assert not any("345" in reason or "secret" in reason or "999" in reason for reason in reasons)
