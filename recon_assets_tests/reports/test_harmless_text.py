"""Whatever text a feed brings: no spreadsheet runs it, no report shows a card's number, and no number is changed."""

import csv
import re
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_assets.domain.masking import masked_cards
from recon_assets.reports.masks import declare_masks
from recon_assets.reports.rows import report_rows
from recon_assets.reports.xlsx_cells import harmless
from recon_assets.reports.xlsx_reading import rows_of
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import NOTHING_AROUND, reconciled, reported

CARD = "4111111111111111"
STARTS = st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20", "a", "1", "'", ""])
BLANKS = st.text(st.sampled_from(" \t\r\n\x0b\x0c\x1c\x1f\x85\u00a0\u2003\u2028\u3000\ufeff"), max_size=3)
SPREADSHEET_TEXT = st.builds(str.__add__, st.builds(str.__add__, BLANKS, STARTS), st.text(max_size=8)).filter(
    lambda text: not re.search(r"[\x00\ud800-\udfff]", text)
)
DIGITS = st.text(st.sampled_from("0123456789"), min_size=1, max_size=24)
CARD_LIKE = st.lists(
    st.one_of(DIGITS, st.sampled_from([" ", "-", "  ", ", ", "x", "\n", CARD, "4111 1111 1111 1111", "ü"])), max_size=7
).map("".join)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harmless")
    return reconciled(folder, [Record("a")], []).discrepancies


@given(st.lists(SPREADSHEET_TEXT, min_size=1, max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_python_make_the_same_text_harmless_and_leave_the_rest(reports: Path, texts: list[str]) -> None:
    with report_rows(reports) as connection:
        found = connection.execute("SELECT harmless(text) FROM (SELECT unnest(?) AS text)", [texts]).fetchall()

    assert [text for (text,) in found] == [harmless(text) for text in texts]
    for text in texts:
        shown = harmless(text)
        assert shown in {text, f"'{text}"}
        assert not shown.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
        assert not re.match(r"[\t\r]", shown)


@given(st.lists(CARD_LIKE, min_size=1, max_size=30))
@settings(max_examples=150)
def test_the_database_masks_exactly_what_the_domain_masks(texts: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE feed AS SELECT unnest(?::VARCHAR[]) AS text", [texts]).fetchall()
        declare_masks(connection, "feed", columns=["text"])
        masks = dict(connection.execute("SELECT plain, shown FROM masks").fetchall())
        (count,) = connection.execute("SELECT count(*) FROM masks").fetchone() or (0,)

    assert masks == {text: masked_cards(text) for text in texts if masked_cards(text) != text}
    assert count == len(masks), "a text stands once, or its rows would be doubled"


@given(st.integers(13, 19), st.data())
@settings(max_examples=100)
def test_every_length_of_a_card_is_known(length: int, data: st.DataObject) -> None:
    digits = data.draw(st.text(st.sampled_from("0123456789"), min_size=length - 1, max_size=length - 1))
    (number,) = [digits + last for last in "0123456789" if masked_cards(digits + last) != digits + last]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE feed AS SELECT ? AS text", [f"id_{number}!"]).fetchall()
        declare_masks(connection, "feed", columns=["text"])

        assert connection.execute("SELECT shown FROM masks").fetchall() == [(f"id_{'*' * (length - 4)}{number[-4:]}!",)]


def test_no_file_of_a_report_holds_a_cards_number(tmp_path: Path) -> None:
    grouped = "4111 1111-1111 1111"
    records = [
        Record(CARD, merchant_id=f"shop {grouped}", reference_number=f"ref-{CARD}", raw_file=f"{CARD}.csv"),
        Record("plain", merchant_id="shop 4111111111111112"),
    ]
    files = reported(tmp_path, reconciled(tmp_path, records, [Record("x", raw_file=f"{CARD}.csv")]))

    with files.csv.open(newline="", encoding="utf-8") as lines:
        shown = {row["transaction_id"]: row for row in csv.DictReader(lines)}
    assert shown["************1111"]["merchant_id"] == "shop **** ****-**** 1111"
    assert shown["************1111"]["reference_number"] == "ref-************1111"
    assert shown["plain"]["merchant_id"] == "shop 4111111111111112", "its check digit is wrong"
    everything = [
        files.json.read_text(encoding="utf-8"),
        files.csv.read_text(encoding="utf-8"),
        files.html.read_text(encoding="utf-8"),
        *(str(cell) for row in rows_of(files.xlsx, "discrepancies") for cell in row.values()),
    ]
    for text in everything:
        assert CARD not in text
        assert grouped not in text
    assert len(msgspec.json.decode(files.json.read_bytes())["discrepancies"]) == 3


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=6, unique=True))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_amount_is_changed_by_what_makes_text_harmless(tmp_path: Path, minors: list[int]) -> None:
    day = reconciled(tmp_path, [Record(f"t{n}", minor, "JPY") for n, minor in enumerate(minors)], [])
    files = reported(tmp_path, day, surroundings=NOTHING_AROUND)

    with files.csv.open(newline="", encoding="utf-8") as lines:
        in_csv = {row["transaction_id"]: row["amount"] for row in csv.DictReader(lines)}
    in_xlsx = {row["F"]: row["I"] for row in list(rows_of(files.xlsx, "discrepancies"))[1:]}

    assert in_csv == {f"t{n}": str(minor) for n, minor in enumerate(minors)}
    assert {name: int(amount) for name, amount in in_xlsx.items()} == {f"t{n}": minor for n, minor in enumerate(minors)}
