"""The reader of each file format, and what of a file are movements. Knows no folder and no day."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recon_assets.feeds.files.csv_records import CsvRecords
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.json_records import JsonDocument, JsonRecords
from recon_assets.feeds.files.screen import Screen
from recon_assets.feeds.files.text import TextBatch

Records = CsvRecords | JsonDocument | JsonRecords

_READERS: Final[dict[str, type[CsvRecords] | type[JsonDocument] | type[JsonRecords]]] = {
    "csv": CsvRecords,
    "json": JsonDocument,
    "json_lines": JsonRecords,
}


def records_of(path: Path, description: FilesDescription) -> Records:
    """The records of one file."""
    return _READERS[description.format](path, description)


def batches_of(path: Path, description: FilesDescription) -> Iterator[TextBatch]:
    """The records of one file that are movements, in bounded batches; what the others were is counted in them."""
    screen = Screen(description)
    return (screen.screened(batch) for batch in records_of(path, description))
