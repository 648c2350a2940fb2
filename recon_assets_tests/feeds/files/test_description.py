"""A description that can't work is refused when it is loaded, with the field and what to write."""

from typing import Any

import pytest
from pydantic import ValidationError

from recon_assets_tests.feeds.files.building import COLUMNS, DAY, described


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"colums": {}}, ("colums",), "Extra inputs"),
        ({"columns": {**COLUMNS, "gross": "x"}}, ("columns", "gross"), "Extra inputs"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "amount"}}, (), "the amount is needed"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "transaction_id"}}, (), "transaction_id is needed"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "occurred_at"}}, (), "the time is needed"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "currency"}}, (), "currency is needed"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "status"}}, (), "status is needed"),
        ({"constants": {"currency": "USD"}}, (), "either in `columns` or in `constants`"),
        ({"constants": {"currency": "usd"}}, ("constants", "currency"), "ISO 4217"),
        ({"constants": {"status": "done"}}, ("constants", "status"), "Input should be"),
        ({"statuses": {"Settled": "done"}}, ("statuses", "Settled"), "Input should be"),
        ({"times": {"time_zone": "Europe/Atlantis"}}, ("times",), "time_zone: unknown time zone"),
        ({"times": {"time_zone": "PDT"}}, ("times",), "time_zone: unknown time zone"),
        ({"times": {"zones": {"PDT": "Pacific"}}}, ("times",), "zones.PDT: unknown time zone"),
        ({"times": {"format": "%d/%m/%Y %H:%M"}}, (), "time_zone is needed"),
        ({"columns": {**COLUMNS, "time_zone": "z"}, "times": {"time_zone": "UTC"}}, (), "either in `times`"),
        ({"columns": {**COLUMNS, "credit": "c"}}, ("columns",), "credit and debit: map both or neither"),
        ({"columns": {**COLUMNS, "credit": "c", "debit": "d"}}, ("columns",), "either amount or credit"),
        ({"columns": {**COLUMNS, "net": "n", "net_credit": "c", "net_debit": "d"}}, ("columns",), "either net or"),
        ({"columns": {**COLUMNS, "date": "d", "time": "t"}}, ("columns",), "either occurred_at or date"),
        ({"columns": {**COLUMNS, "date": "d"}}, ("columns",), "date and time: map both or neither"),
        ({"columns": {**COLUMNS, "fee_sign": "s"}}, ("columns",), "fee_sign is the sign of fee"),
        ({"columns": {**COLUMNS, "sign": "s"}}, (), "need `signs.words`"),
        ({"columns": {**COLUMNS, "amount": []}}, ("columns", "amount", "list[constrained-str]"), "at least 1 item"),
        ({"columns": {**COLUMNS, "fee": "f"}, "fees": ["a", "b"]}, (), "either `columns.fee` or `fees`"),
        ({"fees": ["a"]}, ("fees",), "at least 2 items"),
        ({"amounts": {"gross": "net_plus_fee"}}, (), "is for a file without gross amounts"),
        ({"amounts": {"gross": "net_plus_fee"}, "columns": {k: v for k, v in COLUMNS.items() if k != "amount"}}, (),
         "needs a net amount and a fee"),
        ({"amounts": {"symbol": "1"}}, ("amounts", "symbol"), "no digit, mark, sign or blank"),
        ({"keys": {"order_id": {"first_of": ["a"]}}}, ("keys", "order_id"), "map it in `columns`, or add `join`"),
        ({"keys": {"order_id": {}}}, ("keys", "order_id"), "either `join` or `first_of`"),
        ({"keys": {"transaction_id": {"join": ["a", "b"]}}}, (), "either in `columns` or in `keys`"),
        ({"may_be_absent": ["amount"]}, ("may_be_absent",), "amount can't be absent"),
        ({"may_be_absent": ["order_id"]}, (), "order_id is not mapped"),
        ({"leave_out": {"status": []}}, ("leave_out", "status"), "at least 1 item"),
        ({"footer": {"words": []}}, ("footer", "words"), "at least 1 item"),
        ({"footer": {"words": ["x"], "totals": {}}}, ("footer", "totals"), "name at least one of count"),
        ({"footer": {"words": ["x"], "totals": {"currency": "c"}}}, ("footer", "totals"), "name at least one of"),
        ({"footer": {"words": ["x"], "totals": {"count": 0}}}, ("footer", "totals"), "a position is from 1"),
        ({"trailer": {"pattern": "x.trl", "totals": {"count": "n"}}}, ("trailer", "pattern"), "must contain {date}"),
        ({"trailer": {"pattern": "{date}.t", "totals": {"count": 1}}}, ("trailer",), "name its columns"),
        ({"format": "json", "document": {"totals": {"count": 1}}}, ("document",), "are paths such as"),
        ({"document": {"records": "items"}}, (), "`document` says nothing about a file of format csv"),
        ({"format": "json", "footer": {"words": ["x"]}}, (), "`footer` says nothing about a file of format json"),
        ({"movements": {"x": "refund"}}, (), "`movements` translates the column transaction_type"),
        ({"csv": {"header_within": 0}}, ("csv", "header_within"), "greater than or equal to 1"),
        ({"times": {"format": "%H:%M", "time_zone": "UTC"}}, ("times", "format"), "day, month and year"),
        ({"times": {"format": "%Q", "time_zone": "UTC"}}, ("times", "format"), "must be iso8601"),
        ({"amounts": {"decimal_mark": ",", "thousands_mark": ","}}, ("amounts",), "must differ"),
        ({"amounts": {"decimal_mark": "5"}}, ("amounts", "decimal_mark"), "no digit"),
        ({"amounts": {"unit": "cents"}}, ("amounts", "unit"), "'major' or 'minor'"),
        ({"csv": {"delimiter": ";;"}}, ("csv", "delimiter"), "at most 1 character"),
        ({"csv": {"delimiter": '"'}}, ("csv",), "must differ"),
        ({"csv": {"encoding": "utf-9"}}, ("csv", "encoding"), "unknown encoding"),
        ({"csv": {"skip_lines": -1}}, ("csv", "skip_lines"), "greater than or equal to 0"),
        ({"format": "json_lines", "csv": {}}, (), "json_lines"),
        ({"format": "xlsx"}, ("format",), "'csv', 'json' or 'json_lines'"),
        ({"pattern": "settlement.csv"}, ("pattern",), "must contain {date}"),
        ({"pattern": "{date}_{time}.csv"}, ("pattern",), "only placeholder"),
        ({"pattern": "{date.year}.csv"}, ("pattern",), "must contain {date}"),
        ({"pattern": "../{date}.csv"}, ("pattern",), "below the folder"),
        ({"pattern": "/etc/{date}.csv"}, ("pattern",), "below the folder"),
        ({"folder": ""}, ("folder",), "at least 1 character"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_at_its_field(changes: dict[str, Any], field: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        described(**changes)
    errors = {error["loc"]: error["msg"] for error in refused.value.errors()}
    assert text in errors[field]


@pytest.mark.parametrize(
    ("pattern", "of_the_day"),
    [
        ("settlement_{date}*.csv", "settlement_2025-09-30*.csv"),
        ("{date:%Y}/{date:%m}/STL-{date:%Y%m%d}.*.CSV", "2025/09/STL-20250930.*.CSV"),
    ],
)
def test_the_pattern_names_the_files_of_one_day(pattern: str, of_the_day: str) -> None:
    assert described(pattern=pattern).pattern_of(DAY.business_date) == of_the_day


def test_a_byte_order_mark_needs_no_setting_and_encodings_have_many_names() -> None:
    assert described(csv={"encoding": "Latin1"}).csv.encoding == "iso8859-1"
