"""What stands around the records: lines before the header, footers, control totals, records that move no money."""

from pathlib import Path
from typing import Any

import pytest

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.files import controls, json_records
from recon_assets.feeds.normalise import write_frame
from recon_assets_tests.feeds.files.building import (
    COLUMNS,
    DAY,
    HEADER,
    Read,
    adapter_in,
    described,
    fetched,
    read,
    read_bytes,
    read_lines,
)

NAME = "settlement_2025-09-30"


def good(number: int, amount: str = "1.00", currency: str = "USD") -> str:
    return f"t{number},{amount},{currency},completed,2025-09-30T00:00:00Z"


def test_the_header_is_the_first_line_that_holds_every_column(tmp_path: Path) -> None:
    preamble = ["Report of,30 September", "", '"id, amount and', 'more"', "id,amount"]
    content = "\n".join([*preamble, HEADER, good(1)])
    got = read_bytes(tmp_path, content.encode(), csv={"header_within": 10})
    assert (got.rows["transaction_id"].to_pylist(), got.rows["record_number"].to_pylist()) == (["t1"], [1])


@pytest.mark.parametrize("within", [3, 50])
def test_a_header_that_is_not_found_is_refused_with_what_the_nearest_line_lacks(within: int, tmp_path: Path) -> None:
    content = "a,b\nid,amount,currency\nc\n" + "x\n" * 60
    with pytest.raises(FeedNotUnderstood, match=f"none of the first {within} lines .*lacks: at, status"):
        read_bytes(tmp_path, content.encode(), csv={"header_within": within})


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_any_line_has_no_header(content: str, tmp_path: Path) -> None:
    with pytest.raises(FeedNotUnderstood, match="lacks: everything"):
        read_bytes(tmp_path, content.encode() + b"\n", csv={"header_within": 5})


@pytest.mark.parametrize("footer", ["Total,2.00,USD,2,", "Total,2.00,USD,2", "Total,2.00,USD,2,x,y,z"])
def test_a_footer_is_no_record_and_its_totals_are_checked(footer: str, tmp_path: Path) -> None:
    totals = {"count": "status", "amount": "amount", "currency": "currency"}
    description = {"footer": {"words": ["Total"], "totals": totals}}
    got = read_lines(tmp_path, good(1), good(2), footer, **description)
    assert (got.rows.num_rows, got.reasons, got.raw.problems) == (2, [], ())

    wrong = read_lines(tmp_path, good(1), footer, **description)
    assert wrong.raw.problems == (
        f"{NAME} states 2 records in USD, 1 were read",
        f"{NAME} states a total of amount that is +1.00 USD off what was read",
    )


def test_a_footer_may_be_told_by_another_column_and_its_totals_by_position(tmp_path: Path) -> None:
    footer = {"column": "status", "words": ["Sum"], "totals": {"count": 1, "amount": 2}}
    got = read_lines(tmp_path, good(1), good(2, "-0.30"), "2,0.70,,Sum", footer=footer)
    assert (got.rows.num_rows, got.reasons, got.raw.problems) == (2, [], ())


def test_a_footer_for_each_currency(tmp_path: Path) -> None:
    footer = {"words": ["Total"], "totals": {"amount": "amount", "currency": "currency"}}
    lines = [good(1), good(2, "5", "JPY"), "Total,1.00,USD,,", "Total,7,JPY,,"]
    got = read_lines(tmp_path, *lines, footer=footer)
    assert got.raw.problems == (f"{NAME} states a total of amount that is +2 JPY off what was read",)


def test_credits_debits_fees_and_nets_may_be_stated(tmp_path: Path) -> None:
    totals = {"credit": "amount", "debit": "currency", "fee": "status", "net": "at"}
    content = f"{HEADER},fee,net\n{good(1, '3.00')},0.10,2.90\n{good(2, '-1.00')},0.10,-1.10\nT,3.00,1.00,0.20,1.80\n"
    changes = {"footer": {"words": ["T"], "totals": totals}, "columns": {**COLUMNS, "fee": "fee", "net": "net"}}
    assert read_bytes(tmp_path, content.encode(), **changes).raw.problems == ()
    wrong = content.replace("T,3.00,1.00,0.20,1.80", "T,3.01,-1.00,x,")
    assert read_bytes(tmp_path, wrong.encode(), **changes).raw.problems == (
        f"{NAME} states a total of credit that is +0.01 USD off what was read",
        f"{NAME} states a total of fee in USD that is no amount: not a plain decimal number",
        f"{NAME} states no total of net in USD where one is described",
    )


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([good(1)], "has no footer row, though its description says so: it may have been cut short"),
        ([good(1), good(2, "1", "EUR"), "Total,1,,2,"], "states a total and not its currency, which its rows"),
        ([good(1), "Total,1.00,USD,many,"], "states no number of records where one is described"),
        ([good(1), "Total,1.00,XXX,1,"], "states a total and not its currency"),
    ],
)
def test_a_footer_that_says_nothing_is_a_problem(lines: list[str], problem: str, tmp_path: Path) -> None:
    totals = {"count": "status", "amount": "amount", "currency": "currency"}
    got = read_lines(tmp_path, *lines, footer={"words": ["Total"], "totals": totals})
    assert any(found.startswith(f"{NAME} {problem}") for found in got.raw.problems)


def test_a_file_of_a_footer_of_zeros_says_that_nothing_happened_where_that_was_agreed(tmp_path: Path) -> None:
    footer = {"words": ["Total"], "totals": {"count": "status", "amount": "amount"}}
    got = read_lines(tmp_path, "Total,0.00,,0,", footer=footer, empty_file_means_no_movements=True)
    assert (got.raw.says_empty, got.raw.problems, got.rows.num_rows) == (True, (), 0)


def test_a_rejected_record_counts_but_adds_to_no_total(tmp_path: Path) -> None:
    footer = {"words": ["Total"], "totals": {"count": "status", "amount": "amount"}}
    got = read_lines(tmp_path, good(1), "t2,x,USD,completed,x", "short", "Total,1.00,,3,", footer=footer)
    assert (got.raw.problems, [number for number, *_ in got.reasons]) == ((), [2, 3])


TRAILER: dict[str, Any] = {
    "pattern": f"{NAME.replace('2025-09-30', '{date}')}*",
    "trailer": {"pattern": "settlement_{date}.trl", "totals": {"count": "n", "amount": "sum", "currency": "c"}},
}


@pytest.mark.parametrize(
    ("trailer", "problems"),
    [
        (b"n,sum,c\n2,2.00,USD\n", ()),
        (b"n,sum,c\n3,2.50,USD\n", (
            f"the trailer {NAME}.trl states 3 records in USD, 2 were read",
            f"the trailer {NAME}.trl states a total of amount that is +0.50 USD off what was read",
        )),
        (b"n,sum,c\n", (f"the trailer {NAME}.trl has no row: it may have been cut short",)),
        (None, (f"no trailer for 2025-09-30 yet: looked for {NAME}.trl",)),
    ],
)  # fmt: skip
def test_a_trailer_states_the_totals_of_all_files_of_the_day(
    trailer: bytes | None, problems: tuple[str, ...], tmp_path: Path
) -> None:
    files = {f"{NAME}_{number}.csv": f"{HEADER}\n{good(number)}\n".encode() for number in (1, 2)}
    if trailer is not None:
        files[f"{NAME}.trl"] = trailer
    got = read(tmp_path, adapter_in(tmp_path, described(**TRAILER), files))
    assert (got.raw.problems, got.rows.num_rows) == (problems, 2)
    assert {file.source for file in got.raw.files} == set(files)


def test_a_trailer_of_other_columns_or_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{NAME}.csv": f"{HEADER}\n{good(1)}\n".encode(), f"{NAME}.trl": b"count,sum\n1,1\n"}
    with pytest.raises(FeedNotUnderstood, match="the trailer has no column 'n', 'c'; found: count, sum"):
        fetched(tmp_path, adapter_in(tmp_path, described(**TRAILER), files))
    monkeypatch.setattr(controls, "MAX_TRAILER_LINES", 1)
    with pytest.raises(LimitExceeded, match="more than 1 lines"):
        fetched(tmp_path, adapter_in(tmp_path, described(**TRAILER), files))
    monkeypatch.setattr(controls, "MAX_TRAILER_BYTES", 13)
    with pytest.raises(LimitExceeded, match="more than 13 bytes"):
        fetched(tmp_path, adapter_in(tmp_path, described(**TRAILER), files))


def test_records_that_move_no_money_are_left_out_by_their_words_and_counted(tmp_path: Path) -> None:
    lines = [good(1), "t2,x,?,Denied,never", good(3), "t4,x,?, Memo ,", "t5,x,?,Denied,never"]
    adapter = adapter_in(
        tmp_path,
        described(leave_out={"status": ["Denied", "Memo"], "id": ["t3"]}),
        {NAME: "\n".join([HEADER, *lines]).encode()},
    )
    raw = fetched(tmp_path, adapter)
    storage = tmp_path / "storage"
    chunks = adapter.read(raw, storage / raw.folder, DAY)
    frame = write_frame(chunks, side=Side.PROCESSOR, storage_root=storage, folder="frame")
    assert (frame.rows, frame.rejected_rows) == (1, 0)
    assert frame.left_out == {"status: Denied": 2, "status: Memo": 1, "id: t3": 1}


def read_document(folder: Path, content: str, **changes: Any) -> Read:
    return read_bytes(folder, content.encode(), **{"format": "json"} | changes)


RECORD = '{"id":"t%d","amount":%s,"currency":"USD","status":"completed","at":"2025-09-30T00:00:00Z"}'


def test_a_json_document_holds_a_list_of_records_at_a_path(tmp_path: Path) -> None:
    records = f"[{RECORD % (1, '90071992547409.93')}, 5, {RECORD % (3, '[]')}]"
    for content, changes in (
        (records, {}),
        ('{"a":{"b":' + records + "}}", {"document": {"records": "a.b"}}),
    ):
        got = read_document(tmp_path, content, **changes)
        assert got.rows["amount_minor"].to_pylist() == [9007199254740993]
        assert got.reasons == [(2, "record", "not a JSON object"), (3, "amount", "neither text nor number")]


def test_a_json_document_may_be_the_one_record_itself(tmp_path: Path) -> None:
    for content, document in (
        (RECORD % (1, "1.00"), {"holds": "one_record"}),
        ('{"a":' + RECORD % (1, "1.00") + "}", {"holds": "one_record", "records": "a"}),
    ):
        got = read_document(tmp_path, content, document=document)
        assert (got.rows["amount_minor"].to_pylist(), got.reasons, got.raw.problems) == ([100], [], ())
    with pytest.raises(FeedNotUnderstood, match="the document is no record as a whole"):
        read_document(tmp_path, "[]", document={"holds": "one_record"})


def test_a_json_document_states_its_totals(tmp_path: Path) -> None:
    document = {"records": "items", "totals": {"count": "count", "amount": "sum.value"}}
    content = '{"count":%d,"sum":{"value":"%s"},"items":[' + RECORD % (1, '"1.00"') + "]}"
    assert read_document(tmp_path, content % (1, "1.00"), document=document).raw.problems == ()
    assert read_document(tmp_path, content % (2, "1.01"), document=document).raw.problems == (
        f"{NAME} states 2 records, 1 were read",
        f"{NAME} states a total of amount that is +0.01 USD off what was read",
    )


def test_an_empty_list_says_that_nothing_happened_where_that_was_agreed(tmp_path: Path) -> None:
    document = {"records": "items", "totals": {"count": "count"}}
    changes = {"document": document, "empty_file_means_no_movements": True}
    got = read_document(tmp_path, '{"count":0,"items":[]}', **changes)
    assert (got.raw.says_empty, got.raw.problems, got.rows.num_rows) == (True, (), 0)


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        ("{", "no JSON document", "cut short"),
        ("{}\n{}", "no JSON document", "json_lines"),
        ('{"data":[]}', "no list at 'items'; its keys: data", "document.records"),
        ("[]", "no list at 'items'", "document.records"),
        ("<html>", "no JSON document", "json_lines"),
    ],
)
def test_a_document_that_is_not_as_described_is_refused(content: str, what: str, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(FeedNotUnderstood) as refused:
        read_document(tmp_path, content, document={"records": "items"})
    assert what in refused.value.what
    assert remedy in refused.value.remedy


def test_a_document_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(LimitExceeded, match="larger than 10 bytes"):
        read_document(tmp_path, "[" + RECORD % (1, "1") + "]")
