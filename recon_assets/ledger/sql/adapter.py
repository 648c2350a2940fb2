"""The ledger's rows of a day: asked for, kept as they came, and read again from what was kept."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.files.json_records import JsonRecords
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.ledger.sql.description import ROWS_FILE, SqlLedgerFeed
from recon_assets.ledger.sql.failures import Place
from recon_assets.ledger.sql.query import ParameterValue, values_of
from recon_assets.ledger.sql.rows import RowLines
from recon_assets.ledger.sql.session import is_sqlite, read_only_session

QUERY_FILE: Final = "query.json"
MAX_RAW_BYTES: Final = 32 * 1024**3


@dataclass(frozen=True, slots=True)
class SqlLedgerAdapter:
    """Implements `recon_assets.feeds.adapter.Adapter`. Safe to repeat; holds no connection."""

    processor: str
    description: SqlLedgerFeed
    query: str
    credentials: Credentials = ENVIRONMENT

    @property
    def kind(self) -> str:
        """Always `ledger_sql`."""
        return self.description.kind

    @property
    def source(self) -> str:
        """Names the variable that holds the URL, not the URL."""
        return Place(self.description.url_env).text

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store the query with its parameters, and every row. No row is noted as a problem unless it is a statement."""
        values = values_of(self.query, day, times_as_text=is_sqlite(self.description.url_env, self.credentials))
        with read_only_session(self.description.url_env, self.description.limits, self.credentials) as session:
            names, batches = session.rows(self.query, values)
            self._check_columns(names)
            into.add_file(QUERY_FILE, source=self.source, chunks=(_query_as_sent(self.query, values),))
            used = chain.from_iterable(self.description.columns.mapped().values())
            lines = RowLines(names, used=used, where=self.source)
            rows = into.add_file(ROWS_FILE, source=self.source, chunks=self._encoded(batches, lines))
        if rows.size_bytes:
            return
        if self.description.empty_result_means_no_movements:
            into.say_empty()
            return
        into.note_problem(
            "the ledger's query gives no rows; if that means that nothing happened, "
            "set `empty_result_means_no_movements` in the description"
        )

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:  # noqa: ARG002
        """Parse the stored rows in order. Which day a row belongs to is judged later, on all rows."""
        as_lines = self.description.as_lines()
        parser = BatchParser(as_lines)
        for file in raw.files:
            if file.name == ROWS_FILE and file.size_bytes:
                yield from (parser.parse(batch) for batch in JsonRecords(folder / file.name, as_lines))

    def probe(self) -> None:
        """Start the query for today and look at its columns; no row is read."""
        day = business_day(self.processor, datetime.now(UTC).date())
        values = values_of(self.query, day, times_as_text=is_sqlite(self.description.url_env, self.credentials))
        with read_only_session(self.description.url_env, self.description.limits, self.credentials) as session:
            names, _ = session.rows(self.query, values)
            self._check_columns(names)

    def _encoded(self, batches: Iterator[Sequence[Sequence[Any]]], lines: RowLines) -> Iterator[bytes]:
        size_bytes = 0
        for batch in batches:
            encoded = lines.encoded(batch)
            size_bytes += len(encoded)
            if size_bytes > MAX_RAW_BYTES:
                raise LimitExceeded(
                    f"the rows are more than {MAX_RAW_BYTES} bytes",
                    where=self.source,
                    remedy="Select only the columns that are needed.",
                )
            yield encoded

    def _check_columns(self, names: Sequence[str]) -> None:
        there = ", ".join(names)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise FeedNotUnderstood(
                f"the query gives two columns of the name {twice[0]}",
                where=self.source,
                remedy="Give each its own name with AS.",
            )
        for ours, theirs in self.description.columns.mapped().items():
            if not set(theirs) & set(names):
                raise FeedNotUnderstood(
                    f"the query gives no column {' or '.join(theirs)}, which `columns` names for {ours}",
                    where=self.source,
                    remedy=f"Columns that are there: {there}.",
                )


def _query_as_sent(query: str, values: dict[str, ParameterValue]) -> bytes:
    """The statement and what was bound to it, as evidence."""
    parameters = {
        name: value.isoformat() if isinstance(value, date) else value for name, value in sorted(values.items())
    }
    return json.dumps({"query": query, "parameters": parameters}, indent=1, ensure_ascii=False).encode() + b"\n"
