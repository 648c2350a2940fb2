"""The rows of PayPal's settlement report (STL): header rows, sections, bodies, footers.

A report may be several files: they are read one after the other. The first cell of a row says what it is:

    RH report header          CH column names of the body     SC rows of the section
    FH file header            SB one movement                 RC rows of the report
    SH section header         SF, RF totals of a section and of the report, per currency
    FF file footer

What belongs here: the order of rows and one body row's meaning. Not here: sums (`settlement_totals`).
"""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import RejectedRow, Status
from recon_assets.feeds.files.text import WHOLE_RECORD
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.processors.paypal.entries import Entry, net_of, reference_of
from recon_assets.processors.paypal.settlement_totals import CREDIT, DEBIT, TotalsByCurrency, natural
from recon_assets.schemas.currencies import exponent_of

_NEEDED: Final = (
    "transaction id",
    "transaction event code",
    "transaction completion date",
    "transaction debit or credit",
    "gross transaction amount",
    "gross transaction currency",
    "fee debit or credit",
    "fee amount",
    "fee currency",
)
_OPTIONAL: Final = ("invoice id", "paypal reference id", "custom field", "store id", "bank reference id")
_TIME: Final = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d:?\d\d)")
_UNREADABLE: Final = "\ufffd"
"""What stands for bytes that are not UTF-8."""

Columns = dict[str, int]


class SettlementReport:
    """Reads the files of one report in their order. `problems` grow while rows are taken; `finish` adds the last ones.

    `whole_unit_currencies` are those whose amounts PayPal writes in whole units although ISO 4217 has smaller ones.
    """

    def __init__(self, *, whole_unit_currencies: frozenset[str]) -> None:
        self._whole_unit_currencies = whole_unit_currencies
        self._report = TotalsByCurrency()
        self._section: TotalsByCurrency | None = None
        self._columns: Columns | None = None
        self._sections = 0
        self._is_ended = False
        self.problems: list[str] = []
        self.promised: int | None = None

    @property
    def rows(self) -> int:
        """Body rows taken so far."""
        return self._report.rows + (self._section.rows if self._section else 0)

    def read(self, path: Path) -> Iterator[Entry | RejectedRow]:
        """Every body row of one file, in order. Raises `FeedNotUnderstood` for a file of another kind."""
        has_footer, lines, rows_before = False, 0, self.rows
        with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text)
            for cells in _rows(reader, path):
                lines += 1
                kind = cells[0]
                if lines == 1 and kind not in {"RH", "FH", "SH"}:
                    raise _not_understood("it does not begin with a header of a settlement report", path)
                if kind == "SB":
                    yield self._body(cells, path, self.rows - rows_before + 1)
                elif kind == "CH":
                    self._columns = _columns(cells, path)
                elif kind == "FF":
                    has_footer = True
                    self._check_count("the file's", cells, self.rows - rows_before, lines)
                else:
                    self._frame(kind, cells, lines)
        if not has_footer:
            self.problems.append(f"{path.name} has no file footer (FF): it is cut short")

    def finish(self) -> None:
        """Say what is still open when there is no further file."""
        if self._section is not None:
            self.problems.append(f"section {self._sections} has no count of rows (SC)")
            self._close_section()
        if not self._is_ended:
            self.problems.append("the report has no count of rows (RC)")
        missing = self._report.missing_footers()
        if missing:
            self.problems.append(f"the report has no footer (RF) for {', '.join(missing)}")

    def _frame(self, kind: str, cells: Sequence[str], lines: int) -> None:
        """One row that is no body row."""
        if kind == "SH":
            if self._section is not None:
                self.problems.append(f"section {self._sections} has no count of rows (SC)")
                self._close_section()
            self._sections += 1
            self._section = TotalsByCurrency()
        elif kind == "SF" and self._section is not None:
            self.problems.extend(f"section {self._sections}, {what}" for what in self._section.footer_problems(cells))
        elif kind == "SC" and self._section is not None:
            said = self._check_count(f"section {self._sections}'s", cells, self._section.rows, self._section.rows)
            if said is not None:
                self.promised = (self.promised or 0) + said
            self._close_section()
        elif kind == "RF":
            self.problems.extend(f"the report, {what}" for what in self._report.footer_problems(cells))
        elif kind == "RC":
            self._is_ended = True
            self._check_count("the report's", cells, self._report.rows, lines)
        elif kind not in {"RH", "FH"}:
            self.problems.append(f"row {lines} is of a kind that a settlement report does not have there")

    def _close_section(self) -> None:
        assert self._section is not None
        missing = self._section.missing_footers()
        if missing:
            self.problems.append(f"section {self._sections} has no footer (SF) for {', '.join(missing)}")
        self._report.add_all(self._section)
        self._section = None

    def _check_count(self, whose: str, cells: Sequence[str], rows: int, lines: int) -> int | None:
        """Body rows are counted; a count of all lines is accepted where PayPal counts those."""
        said = natural(cells[1]) if len(cells) > 1 else None
        if said is None:
            self.problems.append(f"{whose} count of rows can't be read")
        elif said not in {rows, lines}:
            self.problems.append(f"{whose} footer counts {said} row(s), {rows} came")
        return said

    def _body(self, cells: list[str], path: Path, number: int) -> Entry | RejectedRow:
        if self._columns is None or self._section is None:
            raise _not_understood("a body row (SB) comes before its column names (CH) or its section (SH)", path)
        columns = self._columns
        padded = cells + [""] * (max(columns.values()) + 1 - len(cells))
        get = {name: padded[at].strip() for name, at in columns.items()}
        self._section.add_row(
            gross=(
                get["gross transaction currency"],
                get["transaction debit or credit"],
                get["gross transaction amount"],
            ),
            fee=(
                get["fee currency"] or get["gross transaction currency"],
                get["fee debit or credit"],
                get["fee amount"],
            ),
        )
        try:
            _refuse_unless_readable(cells, columns)
            return self._entry(get, path.name, number)
        except FieldRefused as refusal:
            return RejectedRow(path.name, number, refusal.column, refusal.reason)

    def _entry(self, get: dict[str, str], raw_file: str, number: int) -> Entry:
        if not get["transaction id"]:
            raise FieldRefused("transaction id", "is blank")
        currency = get["gross transaction currency"]
        amount_minor = self._signed(get, currency, "transaction debit or credit", "gross transaction amount")
        fee_minor = None
        if get["fee amount"]:
            if get["fee currency"] not in {currency, ""}:
                raise FieldRefused("fee currency", "in another currency than the amount")
            fee_minor = -self._signed(get, currency, "fee debit or credit", "fee amount")
        return Entry(
            occurred_at=_instant(get["transaction completion date"]),
            transaction_id=get["transaction id"],
            event_code=get["transaction event code"],
            currency=currency,
            amount_minor=amount_minor,
            fee_minor=fee_minor,
            net_minor=net_of(amount_minor, fee_minor),
            status=Status.COMPLETED,  # only what moved the balance is in the report
            reference_number=reference_of(
                paypal_reference=get.get("paypal reference id"),
                bank_reference=get.get("bank reference id"),
                custom_field=get.get("custom field") or None,
            ),
            order_id=get.get("invoice id") or None,
            merchant_id=get.get("store id") or None,
            raw_file=raw_file,
            record_number=number,
        )

    def _signed(self, get: dict[str, str], currency: str, side_column: str, amount_column: str) -> int:
        """Unsigned smallest units and CR or DR as signed minor units of ISO 4217."""
        exponent = exponent_of(currency)
        if exponent is None:
            raise FieldRefused("gross transaction currency", "no currency code of ISO 4217")
        amount = natural(get[amount_column])
        if amount is None:
            raise FieldRefused(amount_column, "not a whole number of smallest units")
        minor = amount * 10**exponent if currency in self._whole_unit_currencies else amount
        if minor > MAX_MINOR:
            raise FieldRefused(amount_column, "out of range for 64 bits of minor units")
        if get[side_column] not in {CREDIT, DEBIT} and minor:
            raise FieldRefused(side_column, "neither CR nor DR")
        return -minor if get[side_column] == DEBIT else minor


def _rows(reader: "Iterator[list[str]]", path: Path) -> Iterator[list[str]]:
    try:
        yield from (cells for cells in reader if any(cells))
    except csv.Error as error:
        raise _not_understood("it is no CSV file", path) from error


def _columns(cells: Sequence[str], path: Path) -> Columns:
    """Where each column is, by its name in lower case with single spaces."""
    names = [" ".join(cell.lower().split()) for cell in cells]
    found: Columns = {name: names.index(name) for name in (*_NEEDED, *_OPTIONAL) if name in names}
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise _not_understood(f"its column names (CH) lack: {', '.join(missing)}", path)
    return found


def _refuse_unless_readable(cells: Sequence[str], columns: Columns) -> None:
    if len(cells) <= max(columns[name] for name in _NEEDED):
        raise FieldRefused(WHOLE_RECORD, "has fewer cells than its section has columns")
    if any(_UNREADABLE in cell for cell in cells):
        raise FieldRefused(WHOLE_RECORD, "is not UTF-8")


def _instant(text: str) -> datetime:
    matched = _TIME.fullmatch(text)
    try:
        if matched:
            year, month, day, time, offset = matched.groups()
            return datetime.fromisoformat(f"{year}-{month}-{day}T{time}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldRefused("transaction completion date", "not a date and time that exists") from error
    raise FieldRefused("transaction completion date", "not a time such as 2026/01/06 00:00:30 -0800")


def _not_understood(what: str, path: Path) -> FeedNotUnderstood:
    return FeedNotUnderstood(
        f"the file is no settlement report that we can read: {what}",
        where=path.name,
        remedy="Check that `pattern` finds settlement reports (STL) only.",
    )
