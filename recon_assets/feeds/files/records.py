"""The reader of each file format, and what of a file are movements. Knows no folder and no day."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Union, assert_never

from recon_assets.feeds.files.csv_records import CsvRecords
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.screen import Screen
from recon_assets.feeds.files.text import TextBatch

if TYPE_CHECKING:
    from recon_assets.feeds.files.json_records import JsonDocument, JsonRecords

Records = Union[CsvRecords, "JsonDocument", "JsonRecords"]


def records_of(path: Path, description: FilesDescription) -> Records:
    """The records of one file."""
    match description.format:
        case "csv":
            return CsvRecords(path, description)
        case "json":
            from recon_assets.feeds.files.json_records import JsonDocument

            return JsonDocument(path, description)
        case "json_lines":
            from recon_assets.feeds.files.json_records import JsonRecords

            return JsonRecords(path, description)
        case _ as never:
            assert_never(never)


def batches_of(path: Path, description: FilesDescription) -> Iterator[TextBatch]:
    """The records of one file that are movements, in bounded batches; what the others were is counted in them."""
    screen = Screen(description)
    return (screen.screened(batch) for batch in records_of(path, description))
