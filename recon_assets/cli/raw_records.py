"""The raw record of a row, as people may see it: the file and number it came from, read by its feed's configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recon_assets.domain.errors import ReconError
from recon_assets.domain.masking import masked_cards
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from recon_assets.cli.evidence import Evidence
    from recon_assets.configuration import ProcessorConfig
    from recon_assets.feeds.raw_records import RawRecord
    from recon_assets.matching.evidence_files import Record

LIST_FIELDS: Final = {
    "products_api": "products",
    "ledger_api": "transactions",
    "stripe_api": "data",
    "paypal_api": "transaction_details",
}
"""Of feeds whose files are pages of JSON: where the list of records is."""

NO_ID: Final = "none of the row's ids stands in it: they are made of parts, or the feed is described otherwise now"


@dataclass(frozen=True, slots=True)
class RawShown:
    """A raw record. `text` is unchanged but for card-like numbers; without it, `why_not` says why.

    `doubt`: nothing in the text is an id of the row, so it may have been found by another description of the feed.
    """

    raw_file: str
    record_number: int
    text: str | None = None
    header: str | None = None
    why_not: str | None = None
    doubt: str | None = None


def raw_record_of(config: "ProcessorConfig", evidence: "Evidence", record: "Record") -> RawShown:
    """The raw record that the row came from."""
    shown = RawShown(record.raw_file, record.record_number)
    path = evidence.raw_file(record.side, record.raw_file)
    if path is None:
        return _without(shown, "the raw file is neither in the storage nor in the archive")
    read = _reader(config, record.side, record.raw_file)
    if read is None:
        kind = (config.feed if record.side is Side.PROCESSOR else config.ledger).kind
        return _without(shown, f"a single record of the kind {kind} can't be shown; the whole file is {path}")
    try:
        raw = read(path, record.record_number)
    except ReconError as error:
        return _without(shown, str(error))
    except (OSError, UnicodeError) as error:
        return _without(shown, f"the raw file can't be read ({type(error).__name__})")
    header = None if raw.header is None else masked_cards(raw.header)
    doubt = None if _has_an_id(raw.text, record) else NO_ID
    return RawShown(record.raw_file, record.record_number, masked_cards(raw.text), header, doubt=doubt)


def _has_an_id(text: str, record: "Record") -> bool:
    ids = (record.transaction_id, record.record_id, record.reference_number, record.order_id)
    return any(one in text for one in ids if one)


def _without(shown: RawShown, why_not: str) -> RawShown:
    return RawShown(shown.raw_file, shown.record_number, why_not=why_not)


def _reader(config: "ProcessorConfig", side: Side, raw_file: str) -> "Callable[[Path, int], RawRecord] | None":
    """How the n-th record of the file is found; None where a format has no single records."""
    from functools import partial

    from recon_assets.feeds.files.description import FilesDescription
    from recon_assets.feeds.raw_records import csv_row, line_record, listed_record, record_of_file

    feed = config.feed if side is Side.PROCESSOR else config.ledger
    if isinstance(feed, FilesDescription):
        return partial(record_of_file, description=feed)
    if feed.kind == "ledger_sql":
        return line_record
    if feed.kind == "paypal_settlement":
        return partial(csv_row, is_record=lambda cells: cells[0] == "SB")
    if feed.kind == "square_api":
        return partial(listed_record, list_field=raw_file.partition("-")[0])
    if feed.kind in LIST_FIELDS:
        return partial(listed_record, list_field=LIST_FIELDS[feed.kind])
    return None
