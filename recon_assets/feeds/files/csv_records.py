"""CSV files as columns of text, by pyarrow's streaming reader. Knows nothing of amounts, times or statuses."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.files.csv_footers import FooterRows
from recon_assets.feeds.files.csv_header import CsvHeader
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.text import BYTE_ORDER_MARK, WHOLE_RECORD, TextBatch, open_as_utf8

BLOCK_BYTES: Final = 4 * 1024 * 1024
"""What is parsed at a time; also the longest record."""

MAX_RAGGED_RECORDS: Final = 100_000
"""Within one run of records; then it is the file that is wrong, not its records."""

WRONG_NUMBER_OF_FIELDS: Final = "wrong number of fields"

_END_MARK: Final = "\x1eend of feed"
_LINE_END: Final = ord("\n")


class CsvRecords:
    """The records of one CSV file. Iterating reads the file once, in bounded memory."""

    def __init__(self, path: Path, description: FilesDescription) -> None:
        self._path, self._options, self._footer = path, description.csv, description.footer
        self._header = CsvHeader(path.name, description)

    def are_there(self) -> bool:
        """Whether there is any record after the header. Raises `FeedNotUnderstood` when there is no header."""
        with open_as_utf8(self._path, self._options.encoding) as stream:
            names = self._header.read(stream)
            footers = FooterRows(self._footer, self._options, self._header.positions(names) if self._footer else {})
            return any(line.strip() and not footers.take(line.decode(errors="replace")) for line in stream)

    def __iter__(self) -> Iterator[TextBatch]:
        try:
            with open_as_utf8(self._path, self._options.encoding) as stream:
                names = self._header.read(stream)
                positions = self._header.positions(names)
                yield from self._batches(stream, names, positions, FooterRows(self._footer, self._options, positions))
        except UnicodeError as error:
            raise self._wrong_encoding() from error

    def _batches(
        self, stream: io.BufferedIOBase, header: list[str], positions: dict[str, int], footers: FooterRows
    ) -> Iterator[TextBatch]:
        """Hold back one batch: the end mark, which proves that no open quote swallowed the end, is in the last."""
        ragged: list[int] = []
        last_number = 0
        held: pa.RecordBatch | None = None
        source = _Ended(stream, f"\n{self._options.delimiter.join([_END_MARK] * len(header))}\n".encode())
        for batch in self._arrow_batches(source, len(header), sorted(set(positions.values())), ragged, footers):
            if held is not None:
                numbers, rejected = _record_numbers(held.num_rows, last_number, ragged)
                last_number = int(numbers[-1])
                yield self._text_batch(held, positions, numbers, rejected, footers)
            held = batch
        if held is None or held.column(0)[-1].as_py() != _END_MARK:
            raise self._refuse(
                "a quote is opened and never closed before the end of the file",
                remedy="The file may have been cut short: get it again, or check `csv.quote`.",
            )
        held = held.slice(0, held.num_rows - 1)
        if self._options.quote and last_number + held.num_rows + len(ragged) < source.lines:
            self._check_quotes()
        numbers, _ = _record_numbers(held.num_rows, last_number, list(ragged))
        yield self._text_batch(held, positions, numbers, ragged, footers)

    def _text_batch(
        self,
        batch: pa.RecordBatch,
        positions: dict[str, int],
        numbers: npt.NDArray[np.int64],
        rejected: list[int],
        footers: FooterRows,
    ) -> TextBatch:
        name = self._path.name
        stated = footers.taken_from(rejected)
        return TextBatch(
            raw_file=name,
            record_numbers=numbers,
            columns={ours: batch.column(str(at)) for ours, at in positions.items()},
            rejected=tuple(RejectedRow(name, number, WHOLE_RECORD, WRONG_NUMBER_OF_FIELDS) for number in rejected),
            footers=stated,
        )

    def _check_quotes(self) -> None:
        """Refuse a quoted value that goes on after its closing quote.

        Called when there are fewer records than lines. Either values hold newlines, which is fine, or a stray quote
        joined records into one, which pyarrow does not notice; Python's strict reader tells the two apart.
        """
        with open_as_utf8(self._path, self._options.encoding) as stream:
            self._header.read(stream)
            lines = (line.decode("utf-8", errors="replace") for line in stream)
            reader = csv.reader(lines, delimiter=self._options.delimiter, quotechar=self._options.quote, strict=True)
            try:
                for _ in reader:
                    pass
            except csv.Error:
                raise self._refuse(
                    f"a quote is not closed where its value ends, near line {reader.line_num} after the header",
                    remedy="Two records may have become one: ask for a correct file, or check `csv.quote`.",
                ) from None

    def _arrow_batches(
        self, source: "_Ended", width: int, needed: list[int], ragged: list[int], footers: FooterRows
    ) -> Iterator[pa.RecordBatch]:
        """Batches of the needed columns as text, named by their position; numbers of ragged records in `ragged`.

        One thread: only then does pyarrow know the number of a ragged record.
        """

        def note(row: arrow_csv.InvalidRow) -> str:
            ragged.append(row.number)
            if footers.take(row.text, number=row.number):
                return "skip"
            return "skip" if len(ragged) <= MAX_RAGGED_RECORDS else "error"

        names = [str(at) for at in range(width)]
        try:
            reader = arrow_csv.open_csv(
                source,
                read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK_BYTES),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._options.delimiter,
                    quote_char=self._options.quote or False,
                    newlines_in_values=self._options.quote is not None,
                    invalid_row_handler=note,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=[str(at) for at in needed],
                    column_types={str(at): pa.string() for at in needed},
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
            yield from (batch for batch in reader if batch.num_rows)
        except pa.ArrowInvalid as error:
            if len(ragged) > MAX_RAGGED_RECORDS:
                raise self._refuse(
                    f"more than {MAX_RAGGED_RECORDS} records have not the {width} fields of the header",
                    remedy="Check `csv.delimiter` and `csv.skip_lines`, or ask for a correct file.",
                ) from None
            raise self._arrow_refused(error) from None  # pyarrow's texts may quote a record

    def _arrow_refused(self, error: pa.ArrowInvalid) -> FeedNotUnderstood | LimitExceeded:
        text = str(error)
        if "UTF8" in text:
            return self._wrong_encoding()
        if "straddl" in text:
            return LimitExceeded(
                f"a record is longer than {BLOCK_BYTES} bytes",
                where=self._path.name,
                remedy="Probably a quote is opened and never closed: look at the file, or check `csv.quote`.",
            )
        return self._refuse("the file can't be read as CSV", remedy="Check `csv` in the description.")

    def _wrong_encoding(self) -> FeedNotUnderstood:
        return self._refuse(
            f"the file is not encoded in {self._options.encoding}", remedy="Set `csv.encoding`, for example to cp1252."
        )

    def _refuse(self, what: str, *, remedy: str) -> FeedNotUnderstood:
        return FeedNotUnderstood(what, where=self._path.name, remedy=remedy)


def _record_numbers(rows: int, last_number: int, ragged: list[int]) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Numbers for the next `rows` records after `last_number`: those that the ragged ones left free, in order.

    `ragged` is ascending and may run ahead of these rows. Those before the last row are taken out of it and returned.
    """
    bad = np.array(ragged, dtype=np.int64)
    end = last_number + rows
    while (passed := int(np.searchsorted(bad, end, side="right"))) != end - last_number - rows:
        end = last_number + rows + passed
    rejected = ragged[:passed]
    del ragged[:passed]
    return np.setdiff1d(np.arange(last_number + 1, end + 1, dtype=np.int64), bad[:passed], assume_unique=True), rejected


class _Ended(io.RawIOBase):
    """A stream with one more record at its end. `lines` counts those of the stream, read so far.

    Before it stands a byte order mark, since pyarrow drops one: it would be that of the first record's id.
    """

    def __init__(self, stream: io.BufferedIOBase, end: bytes) -> None:
        self._stream, self._end = stream, io.BytesIO(end)
        self._before = BYTE_ORDER_MARK
        self._line_ends = 0
        self._inside_line = False

    @property
    def lines(self) -> int:
        """Lines, also the last one when nothing ends it."""
        return self._line_ends + self._inside_line

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._before:
            before, self._before = self._before, b""
            return before + self.read(size - len(before) if size > 0 else size)
        read = self._stream.read(size)
        if not read:
            return self._end.read(size)
        self._line_ends += int(np.count_nonzero(np.frombuffer(read, dtype=np.uint8) == _LINE_END))
        self._inside_line = not read.endswith(b"\n")
        return read
