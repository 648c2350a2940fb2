"""What is said of a whole column of text is what is true of each of its values; in doubt nothing is said."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.schemas.text_bytes import (
    are_plain_decimals,
    lacks_control_characters,
    lacks_null_characters,
    lengths_are_within,
)

TEXTS = st.lists(
    st.one_of(st.none(), st.text(max_size=6), st.text("a\x00\x1f\x20\x7e\x7f\x80ü€", max_size=4)), max_size=6
)
NUMBER_LIKE = st.lists(st.one_of(st.from_regex(r"[+-]?[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True),
                                 st.text("0123456789.+-", max_size=5)), max_size=5)  # fmt: skip
PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)*")
"""Several points are left to whoever reads the numbers."""


def column(values: list[str | None], *, cut: int = 0) -> pa.Array:
    """The values as a slice: what lies around it belongs to no value."""
    return pa.array(["\x00-", *values, "."][cut:], pa.string()).slice(1 - cut, len(values))


def present(values: list[str | None]) -> list[str]:
    return [value for value in values if value is not None]


@settings(deadline=None)
@given(TEXTS)
def test_control_and_null_characters_are_those_of_each_value(values: list[str | None]) -> None:
    told = column(values)
    assert lacks_control_characters(told) == (not any(re.search(r"[\x00-\x1f\x7f]", text) for text in present(values)))
    assert lacks_null_characters(told) == (not any("\x00" in text for text in present(values)))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 2), st.integers(0, 8))
def test_lengths_are_counted_in_bytes_of_what_is_there(values: list[str | None], least: int, most: int) -> None:
    sizes = [len(text.encode()) for text in present(values)]
    assert lengths_are_within(column(values), least=least, most_bytes=most) == all(least <= n <= most for n in sizes)


@settings(deadline=None)
@given(NUMBER_LIKE)
def test_plain_decimals_are_those_of_each_value(values: list[str | None]) -> None:
    expected = all(PLAIN.fullmatch(text) and len(text) <= 5 for text in present(values))
    assert are_plain_decimals(column(values), most_characters=5) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "+",
        "-",
        ".5",
        "5.",
        "+.5",
        "-5.",
        "1-2",
        "--1",
        "1+",
        "1e3",
        " 1",
        "1 ",
        "1,0",
        "1/2",
        "٣",
        "1:",
        "1..2",
    ],
)
def test_what_is_no_plain_decimal_is_found_between_others(text: str) -> None:
    assert not are_plain_decimals(column(["1.5", text, "-2"]), most_characters=19)
    assert not are_plain_decimals(column([text, "3"]), most_characters=19)
    assert not are_plain_decimals(column(["3.1", text]), most_characters=19)


def test_a_null_or_a_text_that_is_too_long_is_not_plain() -> None:
    assert are_plain_decimals(column(["1", "+12.34", "-5"]), most_characters=6)
    assert not are_plain_decimals(column(["1", "+12.345"]), most_characters=6)
    assert not are_plain_decimals(column(["1", None]), most_characters=6)


def test_a_column_without_values_is_whatever_is_asked() -> None:
    for empty in (pa.array([], pa.string()), pa.array([None, None], pa.string())):
        assert lengths_are_within(empty, least=1, most_bytes=1)
        assert lacks_control_characters(empty)
        assert lacks_null_characters(empty)
    assert are_plain_decimals(pa.array([], pa.string()), most_characters=1)


def test_what_lies_under_a_null_is_not_said_to_be_good() -> None:
    hidden = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x01"), pa.array([0, 1, 3], pa.int32()).buffers()[1], pa.py_buffer(b"a\x00\x00")],
    )
    assert hidden.to_pylist() == ["a", None]
    assert lengths_are_within(hidden, least=1, most_bytes=1)
    assert not lacks_control_characters(hidden)
