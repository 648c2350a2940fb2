"""Amounts, times and ids that a file spreads over several columns: exact, or a rejected row with its rule."""

from pathlib import Path
from typing import Any

import pytest

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR
from recon_assets.feeds.files.money import (
    BOTH_SIDES,
    NO_SIDE,
    NO_SIDE_IS_ZERO,
    ONE_SIDE_IS_EMPTY,
    OUT_OF_RANGE,
    SIGNED_TWICE,
    UNKNOWN_SIGN,
)
from recon_assets.feeds.files.times import NOT_A_TIME, UNKNOWN_ZONE
from recon_assets_tests.feeds.files.building import Read, read_bytes

BASE = {"transaction_id": "id", "occurred_at": "at"}
FIXED = {"currency": "USD", "status": "completed"}
TWO_SIDES: dict[str, Any] = {"columns": {**BASE, "credit": "in", "debit": "out"}, "constants": FIXED}
AT = "2025-09-30T00:00:00Z"


def read_table(folder: Path, header: str, *rows: str, **changes: Any) -> Read:
    """A file with the columns id and at, and those of `header`."""
    lines = [f"id;at;{header}", *[f"t{number};{AT};{row}" for number, row in enumerate(rows, start=1)]]
    return read_bytes(folder, "\n".join(lines).encode(), **{"csv": {"delimiter": ";"}, "constants": FIXED} | changes)


def outcome(got: Read, column: str = "amount_minor") -> list[Any]:
    """The value of each row, or the reason why it is none, in the order of the file."""
    rows = dict(zip(got.rows["record_number"].to_pylist(), got.rows[column].to_pylist(), strict=True))
    reasons = {row.record_number: row.reason for row in got.rejected}
    return [{**rows, **reasons}[number] for number in sorted({**rows, **reasons})]


def test_the_amount_is_credit_less_debit_and_exactly_one_side_is_filled(tmp_path: Path) -> None:
    got = read_table(tmp_path, "in;out", "1.00;", ";2.50", "1;2", ";", "x;", "-3;", **TWO_SIDES)
    assert outcome(got) == [100, -250, BOTH_SIDES, NO_SIDE, "not a plain decimal number", -300]


def test_where_the_unused_side_is_zero_both_are_filled_and_one_is_zero(tmp_path: Path) -> None:
    zero = {"amounts": {"unused_side": "zero"}}
    got = read_table(tmp_path, "in;out", "1.00;0.00", "0;2.50", "1;2", "1;", ";", "0;0", **TWO_SIDES | zero)
    assert outcome(got) == [100, -250, NO_SIDE_IS_ZERO, ONE_SIDE_IS_EMPTY, ONE_SIDE_IS_EMPTY, 0]


def test_a_reversed_amount_of_two_columns_is_debit_less_credit(tmp_path: Path) -> None:
    got = read_table(tmp_path, "in;out", "1.00;", ";2.50", **TWO_SIDES | {"signs": {"amount": "reversed"}})
    assert outcome(got) == [-100, 250]


def test_a_word_in_another_column_is_the_sign(tmp_path: Path) -> None:
    changes = {
        "columns": {**BASE, "amount": "a", "sign": "s", "fee": "f", "fee_sign": "fs"},
        "signs": {"words": {"CR": "credit", "DR": "debit"}},
        "amounts": {"unit": "minor"},
    }
    rows = ["100;CR;3;DR", "100;DR;3;CR", "100;XX;;", "-100;CR;;", "0;;;", "100;;;", ";CR;;", "1;CR;2;?"]
    got = read_table(tmp_path, "a;s;f;fs", *rows, **changes)
    assert outcome(got) == [100, -100, UNKNOWN_SIGN, SIGNED_TWICE, 0, UNKNOWN_SIGN, "empty", UNKNOWN_SIGN]
    assert got.rows["fee_minor"].to_pylist() == [3, -3, None]


@pytest.mark.parametrize(("empty_fee", "expected"), [("unknown", [60, None, None, -5]), ("zero", [60, 10, 0, -5])])
def test_several_fees_are_summed_and_an_empty_one_is_only_zero_where_the_file_means_that(
    empty_fee: str, expected: list[int | None], tmp_path: Path
) -> None:
    changes = {"columns": {**BASE, "amount": "a"}, "fees": ["x", "y", "z"], "amounts": {"empty_fee": empty_fee}}
    got = read_table(tmp_path, "a;x;y;z", "1;0.1;0.2;0.3", "1;0.1;;", "1;;;", "1;-0.1;0.05;0", "1;q;0;0", **changes)
    assert outcome(got, "fee_minor") == [*expected, "not a plain decimal number"]


def test_gross_is_net_plus_fee_where_the_file_has_no_gross(tmp_path: Path) -> None:
    changes = {
        "columns": {**BASE, "net_credit": "c", "net_debit": "d"},
        "fees": ["x", "y"],
        "amounts": {"gross": "net_plus_fee"},
    }
    got = read_table(tmp_path, "c;d;x;y", "9.50;;0.20;0.30", ";10.20;0.10;0.10", "1;;;", **changes)
    assert outcome(got) == [1000, -1000, "empty"]
    assert got.rows["fee_minor"].to_pylist() == [50, 20]
    assert got.rows["net_minor"].to_pylist() == [950, -1020]


def test_a_sum_beyond_64_bits_is_a_rejected_row(tmp_path: Path) -> None:
    changes = {"columns": {**BASE, "net": "n"}, "fees": ["x", "y"], "amounts": {"gross": "net_plus_fee"}}
    changes["amounts"] = {"gross": "net_plus_fee", "unit": "minor"}
    rows = [f"{MAX_MINOR};1;0", f"{-MAX_MINOR};-1;0", f"{-MAX_MINOR};0;0", f"0;{MAX_MINOR};1"]
    got = read_table(tmp_path, "n;x;y", *rows, **changes)
    assert outcome(got) == [OUT_OF_RANGE, OUT_OF_RANGE, -MAX_MINOR, OUT_OF_RANGE]


@pytest.mark.parametrize(
    ("amounts", "text", "minor"),
    [
        ({"symbol": "$"}, "$30.00", 3000), ({"symbol": "$"}, "-$0.93", -93), ({"symbol": "$"}, "$-0.93", -93),
        ({"symbol": "$"}, "0.93", 93), ({"symbol": "$"}, "$$1", None), ({"symbol": "$"}, "€1", None),
        ({"symbol": "$"}, "-$-1", None), ({"symbol": "$"}, "$1,000.00", None), ({"symbol": "$"}, "1 0", None),
        ({"symbol": "$", "thousands_mark": ","}, "-$1,653.75", -165375),
        ({"symbol": "€", "decimal_mark": ","}, "1,50 €", 150), ({"symbol": "€", "decimal_mark": ","}, "1.50 €", None),
        ({"negative": "trailing_minus"}, "1.50-", -150), ({"negative": "trailing_minus"}, "1.50", 150),
        ({"negative": "trailing_minus"}, "-1.50", None), ({"negative": "parentheses"}, "(1.50)", -150),
        ({"negative": "parentheses"}, "1.50", 150), ({"negative": "parentheses"}, "(1.50", None),
        ({"negative": "parentheses", "symbol": "$"}, "($1.50)", -150), ({"symbol": "$"}, "(1.50)", None),
    ],
)  # fmt: skip
def test_symbols_and_other_ways_to_write_a_minus_are_read_where_described(
    amounts: dict[str, str], text: str, minor: int | None, tmp_path: Path
) -> None:
    got = read_table(tmp_path, "a", text, columns={**BASE, "amount": "a"}, amounts=amounts)
    assert got.rows["amount_minor"].to_pylist() == ([] if minor is None else [minor])
    assert len(got.rejected) == (minor is None)


ZONES = {"PDT": "-07:00", "PST": "-08:00", "Eastern Time (US & Canada)": "America/New_York"}


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("PDT", "2025-09-30 15:05:00"), ("PST", "2025-09-30 16:05:00"),
        ("Eastern Time (US & Canada)", "2025-09-30 12:05:00"), ("Europe/Berlin", "2025-09-30 06:05:00"),
        ("UTC", "2025-09-30 08:05:00"), ("+05:30", "2025-09-30 02:35:00"), ("CET", UNKNOWN_ZONE),
        ("EST", UNKNOWN_ZONE), ("Europe/Atlantis", UNKNOWN_ZONE), ("", UNKNOWN_ZONE),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("pattern", "day", "hour"),
    [("%d/%m/%Y %H:%M:%S", "30/09/2025", "08:05:00"), ("%m/%d/%Y %I:%M %p", "9/30/2025", "8:05 AM")],
)
def test_date_time_and_zone_may_be_columns(
    pattern: str, day: str, hour: str, zone: str, utc: str, tmp_path: Path
) -> None:
    columns = {"transaction_id": "id", "amount": "a", "date": "d", "time": "t", "time_zone": "z"}
    times = {"format": pattern, "zones": ZONES}
    got = read_table(tmp_path, "a;d;t;z", f"1;{day};{hour};{zone}", f"1;{day};;UTC", columns=columns, times=times)
    read = [at.strftime("%Y-%m-%d %H:%M:%S") for at in got.rows["occurred_at"].to_pylist()]
    assert [*read, *[row.reason for row in got.rejected]] == [utc, "empty"]


def test_a_time_that_is_none_is_not_blamed_on_its_zone(tmp_path: Path) -> None:
    columns = {**BASE, "amount": "a", "occurred_at": "d", "time_zone": "z"}
    got = read_table(tmp_path, "a;d;z", "1;soon;UTC", columns=columns)
    assert outcome(got) == [NOT_A_TIME]


def test_a_fixed_zone_may_be_an_offset_or_a_word_of_the_map(tmp_path: Path) -> None:
    for zone in ("PDT", "-07:00"):
        times = {"format": "%d.%m.%Y", "time_zone": zone, "zones": ZONES}
        columns = {**BASE, "amount": "a", "occurred_at": "d"}
        got = read_table(tmp_path, "a;d", "1;30.09.2025", columns=columns, times=times)
        assert got.rows["occurred_at"].to_pylist()[0].isoformat() == "2025-09-30T07:00:00+00:00"


def test_an_id_is_made_of_several_columns_or_of_the_first_that_is_filled(tmp_path: Path) -> None:
    keys = {"transaction_id": {"first_of": ["x", "y"]}, "record_id": {"join": ["id", "x", "y"], "mark": "/"}}
    columns = {"occurred_at": "at", "amount": "a"}
    got = read_table(tmp_path, "a;x;y", "1;one;two", "1;;two", "1;;", columns=columns, keys=keys)
    assert outcome(got, "transaction_id") == ["one", "two", "empty"]
    assert got.rows["record_id"].to_pylist() == ["t1/one/two", "t2//two"]


def test_a_row_without_an_id_is_known_by_what_it_says_also_in_a_file_without_the_column(tmp_path: Path) -> None:
    keys = {"record_id": {"first_of": ["x"], "join": ["at", "a"]}}
    changes = {"columns": {**BASE, "amount": "a"}, "keys": keys, "may_be_absent": ["record_id"]}
    got = read_table(tmp_path / "a", "a;x", "1;one", "2;", **changes)
    assert got.rows["record_id"].to_pylist() == ["one", f"{AT}|2"]
    without = read_table(tmp_path / "b", "a", "2", **changes)
    assert without.rows["record_id"].to_pylist() == [f"{AT}|2"]
    with pytest.raises(FeedNotUnderstood, match="'x' is missing"):
        read_table(tmp_path / "c", "a", "2", **changes | {"may_be_absent": []})


def test_a_key_of_empty_columns_only_is_not_said(tmp_path: Path) -> None:
    keys = {"order_id": {"join": ["x", "y"]}}
    got = read_table(tmp_path, "a;x;y", "1;;", columns={**BASE, "amount": "a"}, keys=keys)
    assert got.rows["order_id"].to_pylist() == [None]


@pytest.mark.parametrize("header", ["Gross", "Brutto", "Bruto"])
def test_a_column_may_have_a_name_in_each_language(header: str, tmp_path: Path) -> None:
    got = read_table(tmp_path, header, "1", columns={**BASE, "amount": ["Gross", "Brutto", "Bruto"]})
    assert got.rows["amount_minor"].to_pylist() == [100]


def test_two_of_the_names_or_none_are_refused_with_the_place_in_the_description(tmp_path: Path) -> None:
    columns = {**BASE, "amount": ["Gross", "Brutto"]}
    with pytest.raises(FeedNotUnderstood, match="'Gross' and 'Brutto' are there, both as amount") as refused:
        read_table(tmp_path, "Gross;Brutto", "1;1", columns=columns)
    assert "`columns.amount`" in refused.value.remedy
    with pytest.raises(FeedNotUnderstood, match="'Gross' or 'Brutto' is missing; found: id, at, Amount"):
        read_table(tmp_path, "Amount", "1", columns=columns)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"fees": ["no", "a"]}, "`fees`"), ({"leave_out": {"no": ["x"]}}, "`leave_out`"),
        ({"keys": {"order_id": {"join": ["no", "a"]}}}, "`keys.order_id`"),
        ({"footer": {"column": "no", "words": ["x"]}}, "`footer.column`"),
        ({"footer": {"words": ["x"], "totals": {"count": "no"}}}, "`footer.totals.count`"),
    ],
)  # fmt: skip
def test_a_missing_column_is_refused_with_the_place_that_needs_it(
    changes: dict[str, Any], place: str, tmp_path: Path
) -> None:
    with pytest.raises(FeedNotUnderstood, match="column 'no' is missing") as refused:
        read_table(tmp_path, "a", "1", columns={**BASE, "amount": "a"}, **changes)
    assert place in refused.value.remedy


def test_a_column_that_may_be_absent_is_not_said_where_it_is(tmp_path: Path) -> None:
    columns = {**BASE, "amount": "a", "order_id": "o"}
    for header, row, expected in (("a", "1", None), ("a;o", "1;x", "x")):
        got = read_table(tmp_path, header, row, columns=columns, may_be_absent=["order_id"])
        assert got.rows["order_id"].to_pylist() == [expected]
