"""The raw record of a row, for every kind of feed: from the files that the kind keeps, card-like numbers masked."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from recon_assets.cli.evidence import Evidence
from recon_assets.cli.raw_records import NO_ID, raw_record_of
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.matching.evidence_files import DayFiles, Record
from recon_assets.store.explanations import Answer
from recon_assets_tests.feeds.files.building import SIMPLE

DAY = date(2025, 9, 30)
LEDGER_API = {"kind": "ledger_api", "base_url": "http://ledger"}
LEDGER_SQL = {
    "kind": "ledger_sql",
    "url_env": "LEDGER_URL",
    "query": "SELECT id, amount, currency, status, at FROM entries WHERE day = :business_date ORDER BY id",
    "columns": SIMPLE["columns"],
}
PAGE = '{{"{0}": [{{"id": "other"}}, {{"id": "wanted", "card": "4111 1111 1111 1111"}}]}}'
MASKED = '{"id": "wanted", "card": "**** **** **** 1111"}'
SETTLEMENT = '"RH",1\n"SH",1\n"CH","Transaction ID"\n"SB","other"\n"SB","wanted"\n"SF",2\n'


def configured(feed: dict[str, Any], ledger: dict[str, Any] | None = None) -> ProcessorConfig:
    return ProcessorConfig.model_validate(
        {
            "name": "shop",
            "title": "Shop",
            "owner": "team:tests",
            "start_date": "2025-09-01",
            "feed": feed,
            "ledger": ledger or LEDGER_API,
        }
    )


def evidence(folder: Path) -> Evidence:
    answer = Answer(UUID(int=1), DAY, 1, "completed", "reconciled", None, [], 0, 0, {})
    files = DayFiles(DAY, folder, folder, folder)
    return Evidence("shop", answer, files, folder, root=folder, attempt=folder / "attempt", archived=folder)


def record(raw_file: str, *, side: Side = Side.PROCESSOR, number: int = 2) -> Record:
    values = dict.fromkeys(Record.__slots__) | {"side": side, "transaction_id": "wanted", "raw_file": raw_file}
    return Record(**values | {"record_number": number, "occurred_at": datetime(2025, 9, 30, tzinfo=UTC)})


def keep(folder: Path, side: Side, name: str, text: str) -> None:
    path = folder / f"raw_{side}_feed" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("feed", "name", "list_field"),
    [
        ({"kind": "products_api", "base_url": "http://shop"}, "page-00001.json", "products"),
        ({"kind": "stripe_api", "base_url": "http://shop"}, "page-00001.json", "data"),
        ({"kind": "paypal_api", "base_url": "http://shop"}, "window_page-00001.json", "transaction_details"),
        ({"kind": "square_api", "base_url": "http://shop"}, "payments-001-00001.json", "payments"),
        ({"kind": "square_api", "base_url": "http://shop"}, "refunds-001-00001.json", "refunds"),
    ],
)
def test_a_page_of_an_api_gives_the_record(tmp_path: Path, feed: dict[str, Any], name: str, list_field: str) -> None:
    keep(tmp_path, Side.PROCESSOR, name, PAGE.format(list_field))

    shown = raw_record_of(configured(feed), evidence(tmp_path), record(name))

    assert (shown.text, shown.why_not, shown.doubt) == (MASKED, None, None)


def test_a_settlement_report_gives_its_body_row(tmp_path: Path) -> None:
    keep(tmp_path, Side.PROCESSOR, "STL-20250930.01.009.CSV", SETTLEMENT)
    config = configured({"kind": "paypal_settlement", "folder": "paypal"})

    assert raw_record_of(config, evidence(tmp_path), record("STL-20250930.01.009.CSV")).text == '"SB","wanted"'


@pytest.mark.parametrize(
    ("ledger", "name", "text"),
    [
        (LEDGER_API, "page-00001.json", PAGE.format("transactions")),
        (LEDGER_SQL, "rows.jsonl", PAGE.format("x").replace('{"x": [', "").replace("}, {", "}\n{").replace("]}", "")),
        (SIMPLE | {"format": "json"}, "day.json", PAGE.format("x").removeprefix('{"x": ').removesuffix("}")),
    ],
)
def test_the_ledger_gives_the_record(tmp_path: Path, ledger: dict[str, Any], name: str, text: str) -> None:
    keep(tmp_path, Side.LEDGER, name, text)
    config = configured(SIMPLE, ledger)

    assert raw_record_of(config, evidence(tmp_path), record(name, side=Side.LEDGER)).text == MASKED


def test_a_text_without_any_of_the_ids_is_shown_with_a_doubt(tmp_path: Path) -> None:
    keep(tmp_path, Side.PROCESSOR, "day.csv", "id,amount,currency,status,at\nanother,1,USD,completed,x\n")

    shown = raw_record_of(configured(SIMPLE), evidence(tmp_path), record("day.csv", number=1))

    assert (shown.text, shown.header, shown.doubt) == (
        "another,1,USD,completed,x",
        "id,amount,currency,status,at",
        NO_ID,
    )


def test_a_file_that_is_gone_and_a_record_that_is_not_there_say_why(tmp_path: Path) -> None:
    config = configured(SIMPLE)
    keep(tmp_path, Side.PROCESSOR, "day.csv", "id,amount,currency,status,at\n")

    gone = raw_record_of(config, evidence(tmp_path), record("other.csv"))
    lacking = raw_record_of(config, evidence(tmp_path), record("day.csv"))

    assert (gone.text, gone.why_not) == (None, "the raw file is neither in the storage nor in the archive")
    assert (lacking.text, (lacking.why_not or "").partition(".")[0]) == (None, "the file has no record 2 (day")
