"""A description proposed for a file nobody has described yet. What is not clear from the file is said, never guessed.

What belongs here: conclusions from a sample. Not here: looking at the file (`sample`), known words (`propose_names`).
"""

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from recon_assets.feeds.decimals import minor_units_from_text
from recon_assets.feeds.files.amounts import AmountReader
from recon_assets.feeds.files.description_values import ISO_8601, UNIX_SECONDS, Amounts, Times
from recon_assets.feeds.files.propose_names import (
    COLUMN_NAMES,
    CURRENCY_WORDS,
    MOVEMENT_WORDS,
    STATUS_WORDS,
    our_word,
    plain,
)
from recon_assets.feeds.files.sample import Sample, sample_of
from recon_assets.feeds.files.times import TimeReader

MAX_WORDS: Final = 40
_MONEY: Final = ("amount", "credit", "debit", "net_credit", "net_debit", "fee", "net")
_MARKS: Final = ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))
_DAYS: Final = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y")
_TIMES: Final = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")


def propose(name: str, path: Path) -> str:
    """The YAML of a processor that reads files like the one at `path`. Raises `FeedNotUnderstood`.

    What could not be decided is in the list `undecided`, with which the configuration does not load.
    """
    sample = sample_of(path)
    feed = _Proposal(sample).feed(path, name)
    undecided = feed.pop("undecided")
    parts = [
        f"# Proposed by `recon init-processor` from {path.name}. Read every line; then try it: recon check-feed.",
        _yaml({"name": name, "title": name.replace("_", " ").title(), "owner": "team:finance-operations"}),
        "start_date: 2025-09-01               # the first day to reconcile",
        "time_zone: UTC                       # what a business date is at this processor",
        "",
        "feed:",
        *[f"  {line}" for line in _yaml(feed).splitlines()],
    ]
    if unmapped := [column for column in sample.names if column not in _used(feed)]:
        parts.append(f"  # columns that are not read: {', '.join(unmapped)}")
    parts += ["  # DECIDE each of these, write it at its place above (or below), and take it off the list:"]
    parts += ["  undecided:"]
    parts += [f"    - {_quoted(f'{place}: {why}')}" for place, why in undecided.items()]
    parts += ["    - 'ledger: where our own entries are, below'"]
    parts += ["", *_LEDGER.format(name=name).splitlines()]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


_LEDGER: Final = """\
ledger:                                # our side, here as a CSV file with columns of these names
  kind: files
  folder: ledger/{name}
  pattern: "entries_{{date}}.csv"
  format: csv
  columns:
    {{transaction_id: transaction_id, amount: amount, currency: currency, occurred_at: booked_at, status: status}}
"""


class _Proposal:
    def __init__(self, sample: Sample) -> None:
        self._sample, self._undecided = sample, dict(sample.undecided)

    def feed(self, path: Path, name: str) -> dict[str, Any]:
        """The description, and under `undecided` what is missing."""
        sample = self._sample
        columns = self._columns()
        feed: dict[str, Any] = {
            "kind": "files",
            "folder": name,
            "pattern": self._pattern(path),
            "format": sample.format,
        }
        if sample.format == "csv":
            feed["csv"] = {
                "delimiter": sample.delimiter,
                "encoding": sample.encoding,
                "header_within": sample.header_line,
            }
        elif sample.records_path:
            feed["document"] = {"records": sample.records_path}
        feed["columns"] = columns
        feed["amounts"] = self._amounts(columns)
        feed["signs"] = self._signs(columns, feed["amounts"])
        feed["times"] = self._times(columns)
        feed["statuses"] = self._statuses(columns)
        types = self._words(columns.get("transaction_type"))
        feed["movements"] = {word: ours for word in types if (ours := our_word(word, MOVEMENT_WORDS))}
        feed = {key: value for key, value in feed.items() if value not in ({}, None)}
        feed["undecided"] = self._undecided
        return feed

    def _pattern(self, path: Path) -> str:
        """The file's name with its date replaced, where it has one."""
        for style, form in ((r"\d{4}-\d\d-\d\d", "{date}"), (r"20\d\d[01]\d[0-3]\d", "{date:%Y%m%d}")):
            if len(re.findall(style, path.name)) == 1:
                return re.sub(style, form, path.name)
        self._undecided["pattern"] = "which files belong to a day: write {date} where the name has the date"
        return "{date}" + path.suffix

    def _columns(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for ours, known in COLUMN_NAMES.items():
            there = [name for name in self._sample.names if plain(name) in known]
            if len(there) == 1:
                found[ours] = there[0]
            elif there:
                self._undecided[f"columns.{ours}"] = "one of " + ", ".join(there)
        if "occurred_at" in found and "date" in found:
            self._undecided["columns.occurred_at"] = f"{found.pop('occurred_at')}, or date and time from two columns"
        elif "date" in found and "time" not in found:
            found["occurred_at"] = found.pop("date")
        _keep_whole_pairs(found)
        self._currencies(found)
        self._missing(found)
        return found

    def _currencies(self, found: dict[str, str]) -> None:
        """Columns of amounts belong to one of the currencies, and the file does not say which to which."""
        named = [name for name in self._sample.names if any(word in plain(name) for word in CURRENCY_WORDS)]
        if len({frozenset(self._sample.values.get(name, [])) for name in named}) > 1 and "currency" in found:
            self._undecided["columns.currency"] = (
                f"{found.pop('currency')}, or another of {', '.join(named)}: they differ, and every amount, fee and net"
                " that is read must be in the one that is named"
            )

    def _missing(self, found: dict[str, str]) -> None:
        needed = {"transaction_id": ("transaction_id",), "amount": ("amount", "credit"), "currency": ("currency",),
                  "status": ("status",), "occurred_at": ("occurred_at", "date")}  # fmt: skip
        for ours, either in needed.items():
            if not found.keys() & set(either) and f"columns.{ours}" not in self._undecided:
                constant = f", or constants.{ours}" if ours in {"currency", "status"} else ""
                self._undecided[f"columns.{ours}"] = f"no column of a known name{constant}"

    def _values(self, columns: dict[str, str], *words: str) -> list[str]:
        return [value for word in words if word in columns for value in self._sample.values.get(columns[word], [])]

    def _amounts(self, columns: dict[str, str]) -> dict[str, str]:
        texts = self._values(columns, *_MONEY)
        if not texts:
            self._undecided["amounts"] = "no value to see how amounts are written"
            return {}
        symbols = {symbol for text in texts for symbol in re.findall(r"[^\s0-9.,'+()\-]+", text)}
        symbol = symbols.pop() if len(symbols) == 1 else ""
        fitting = [marks for marks in _MARKS if _fit(texts, marks, symbol)]
        found: dict[str, str] = {"symbol": symbol} if symbol else {}
        if all(re.fullmatch(r"[+-]?[0-9]+", text) for text in texts):
            self._undecided["amounts.unit"] = "all amounts are whole numbers: major or minor"
        elif len({decimal for decimal, _ in fitting}) != 1:
            self._undecided["amounts.decimal_mark"] = (
                "a point or a comma" if fitting else "the amounts fit no known marks"
            )
        else:
            decimal, thousands = fitting[0]
            found |= {"unit": "major", "decimal_mark": decimal, "thousands_mark": thousands}
        return found

    def _signs(self, columns: dict[str, str], amounts: dict[str, str]) -> dict[str, str]:
        """The sign of the fee by the rows that have all three: net is gross less, or plus, the fee."""
        if "fee" not in columns:
            return {}
        if not any(re.search("[1-9]", text) for text in self._values(columns, "fee")):
            self._undecided["signs.fee"] = "every fee is zero: positive_is_charged or negative_is_charged"
            return {}
        charged = self._signs_that_add_up(columns, amounts)
        if len(charged) == 1:
            return {"fee": charged.pop()}
        self._undecided["signs.fee"] = "positive_is_charged or negative_is_charged"
        return {}

    def _signs_that_add_up(self, columns: dict[str, str], amounts: dict[str, str]) -> set[str]:
        triple = [self._sample.values.get(columns.get(word, ""), []) for word in ("amount", "fee", "net")]
        if "decimal_mark" not in amounts or len({len(values) for values in triple}) != 1:
            return set()
        reader = AmountReader(Amounts.model_validate(amounts))
        finest = pa.array(["CLF"] * len(triple[0]), pa.string()).dictionary_encode()
        gross, fee, net = (
            reader.read(pa.array(t, pa.string()), finest, reverse=False).values.to_pylist() for t in triple
        )
        rows = [row for row in zip(gross, fee, net, strict=True) if None not in row]
        signs = {"positive_is_charged": -1, "negative_is_charged": 1}
        return {word for word, sign in signs.items() if rows and all(g + sign * f == n for g, f, n in rows)}

    def _times(self, columns: dict[str, str]) -> dict[str, str]:
        if "date" in columns and "time" in columns:
            days, hours = self._values(columns, "date"), self._values(columns, "time")
            texts = [f"{day} {hour}" for day, hour in zip(days, hours, strict=False)]
        else:
            texts = self._values(columns, "occurred_at")
        if not texts:
            self._undecided["times.format"] = "no value to see how times are written"
            return {}
        fitting = [form for form in _formats() if _reads(texts, form)]
        if len(fitting) != 1:
            self._undecided["times.format"] = "one of " + ", ".join(fitting) if fitting else "no known format fits"
        has_offset = fitting == [UNIX_SECONDS] or all(re.search(r"(Z|[+-]\d\d:?\d\d)$", text) for text in texts)
        if "time_zone" in columns:
            words = {word for word in self._words(columns["time_zone"]) if TimeReader(Times()).zone_of(word) is None}
            if words:
                self._undecided["times.zones"] = "what these mean: " + ", ".join(sorted(words))
        elif not has_offset:
            self._undecided["times.time_zone"] = "the times have no offset: a name such as Europe/Madrid"
        return {"format": fitting[0]} if len(fitting) == 1 else {}

    def _statuses(self, columns: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in self._words(columns.get("status")):
            ours = our_word(word, STATUS_WORDS)
            if ours is None:
                self._undecided[f"statuses.{word}"] = "one of pending, completed, failed, cancelled, reversed"
            else:
                found[word] = ours
        return found

    def _words(self, column: str | None) -> list[str]:
        """The distinct words of a column that has few of them."""
        words = sorted(set(self._sample.values.get(column or "", [])))
        return words if len(words) <= MAX_WORDS else []


def _keep_whole_pairs(found: dict[str, str]) -> None:
    """Take out one half without the other, and halves beside their whole."""
    if "date" not in found:
        found.pop("time", None)
    for whole, one, other in (("amount", "credit", "debit"), ("net", "net_credit", "net_debit")):
        if whole in found or one not in found or other not in found:
            found.pop(one, None)
            found.pop(other, None)


def _fit(texts: Iterable[str], marks: tuple[str, str], symbol: str) -> bool:
    how = Amounts(decimal_mark=marks[0], thousands_mark=marks[1], symbol=symbol)
    array = pa.array(list(texts), pa.string())
    finest = pa.array(["CLF"] * len(array), pa.string()).dictionary_encode()
    if marks == (".", "") and not symbol:
        return not minor_units_from_text(array, finest).reasons
    return not AmountReader(how).read(array, finest, reverse=False).reasons


def _formats() -> list[str]:
    return [ISO_8601, UNIX_SECONDS, *[day + time for day, time in product(_DAYS, _TIMES)]]


def _reads(texts: list[str], form: str) -> bool:
    """Whether every text is a time of the format, in whatever zone."""
    if form not in {ISO_8601, UNIX_SECONDS}:
        try:
            return all(datetime.strptime(text, form) for text in set(texts))  # noqa: DTZ007 - only whether it reads
        except ValueError:
            return False
    if form == UNIX_SECONDS and not all(re.fullmatch(r"[0-9]{9,10}", text) for text in texts):
        return False
    return not TimeReader(Times(format=form, time_zone="UTC")).read(pa.array(texts, pa.string())).null_count


def _used(feed: dict[str, Any]) -> set[str]:
    return set(feed.get("columns", {}).values())


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
