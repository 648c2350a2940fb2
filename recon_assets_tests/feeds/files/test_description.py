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
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "amount"}}, ("columns", "amount"), "Field required"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "currency"}}, (), "currency is needed"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "status"}}, (), "status is needed"),
        ({"constants": {"currency": "USD"}}, (), "either in `columns` or in `constants`"),
        ({"constants": {"currency": "usd"}}, ("constants", "currency"), "ISO 4217"),
        ({"constants": {"status": "done"}}, ("constants", "status"), "Input should be"),
        ({"statuses": {"Settled": "done"}}, ("statuses", "Settled"), "Input should be"),
        ({"times": {"time_zone": "Europe/Atlantis"}}, ("times", "time_zone"), "unknown time zone"),
        ({"times": {"format": "%d/%m/%Y %H:%M"}}, ("times",), "time_zone is needed"),
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
        ({"format": "xlsx"}, ("format",), "'csv' or 'json_lines'"),
        ({"pattern": "settlement.csv"}, ("pattern",), "must contain {date}"),
        ({"pattern": "{date}_{time}.csv"}, ("pattern",), "only placeholder"),
        ({"pattern": "{date.year}.csv"}, ("pattern",), "must contain {date}"),
        ({"pattern": "../{date}.csv"}, ("pattern",), "below the folder"),
        ({"pattern": "/etc/{date}.csv"}, ("pattern",), "below the folder"),
        ({"folder": ""}, ("folder",), "at least 1 character"),
    ],
)
def test_a_mistake_is_refused_at_its_field(changes: dict[str, Any], field: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        described(**changes)
    [error] = refused.value.errors()
    assert error["loc"] == field
    assert text in error["msg"]


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
