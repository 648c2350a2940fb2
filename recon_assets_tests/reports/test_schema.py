"""The JSON Schema that is shipped, held against real reports."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from recon_assets.domain.causes import Cause, CauseKind
from recon_assets.reports.json_report import SCHEMA_FILE, SCHEMA_VERSION
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import json_of, reconciled, sample_day
from recon_assets_tests.reports.every_class import every_class_day, pending_day

SCHEMA: dict[str, Any] = msgspec.json.decode(SCHEMA_FILE.read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def every_day(folder: Path) -> Iterator[dict[str, Any]]:
    every_class = every_class_day(folder / "classes")
    cause = Cause(CauseKind.CUT_OFF, "all 20 lie within 23:00 to 24:00 UTC: cut-off", 20, 10_000, {"USD": 1, "JPY": 2})
    caused = replace(every_class, conclusion=replace(every_class.conclusion, causes=(cause,)))
    days = [
        every_class,
        caused,
        pending_day(folder / "pending"),
        reconciled(folder / "sample", *sample_day()),
        reconciled(folder / "incomplete", *sample_day(), problem="page 2 did not come"),
        reconciled(folder / "empty", [], [], says_empty=True),
        reconciled(folder / "long", [Record("a", 2**63 - 1), Record("b", 5, "JPY", fee_minor=1)], []),
    ]
    for number, day in enumerate(days):
        place = folder / f"{number}"
        place.mkdir()
        yield json_of(place, day)[1]


def test_every_report_keeps_the_schema(tmp_path: Path) -> None:
    for report in every_day(tmp_path):
        VALIDATOR.validate(report)


def test_every_key_of_a_report_is_described(tmp_path: Path) -> None:
    for report in every_day(tmp_path):
        assert set(report) == set(SCHEMA["properties"])
        for name in ("report_metadata", "reconciliation_summary", "financial_impact"):
            assert set(report[name]) == set(SCHEMA["properties"][name]["properties"])
        for name in ("missing_transactions", "likely_causes"):
            for row in report[name]:
                assert set(row) == set(SCHEMA["properties"][name]["items"]["properties"])
        for row in [*report["discrepancies"], *report["pending"], *report["explained"]]:
            assert set(row) == set(SCHEMA["$defs"]["row"]["properties"])


def test_the_schema_is_valid_and_of_the_version_that_reports_say() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"].endswith(f":{SCHEMA_VERSION}")
    assert SCHEMA["properties"]["report_metadata"]["properties"]["schema_version"] == {"const": SCHEMA_VERSION}


@pytest.mark.parametrize(
    ("part", "key", "wrong"),
    [
        ("reconciliation_summary", "verdict", "fine"),
        ("reconciliation_summary", "matched", -1),
        ("reconciliation_summary", "total_discrepancy_amount", "19.95"),
        ("reconciliation_summary", "rule_version", "1"),
        ("report_metadata", "schema_version", "1.2"),
        ("report_metadata", "dagster_pages", "https://dagster.example"),
        ("report_metadata", "generated_at", "yesterday"),
        ("financial_impact", "risk_level", "NONE"),
    ],
)
def test_a_wrong_value_breaks_the_schema(tmp_path: Path, part: str, key: str, wrong: object) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, *sample_day()))
    report[part][key] = wrong

    assert not VALIDATOR.is_valid(report)


def test_the_causes_say_their_share_and_money(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day())
    cause = Cause(CauseKind.ONE_MERCHANT, "all 5 belong to one merchant, ACME", 4, 8_000, {"USD": 1596})

    written, report = json_of(tmp_path, replace(day, conclusion=replace(day.conclusion, causes=(cause,))))

    assert list(report)[:2] == ["report_metadata", "likely_causes"]
    assert b'"discrepancy_count":4,"share":0.8000,"amounts":{"USD":15.96}}' in written
    assert Decimal(str(report["likely_causes"][0]["share"])) == Decimal("0.8")
