"""Two Parquet files that should be the same: the archived one and the one that was made again.

First by their bytes; where these differ, by every row in its order, down to the first value that is another one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.archive.files import Finding
from recon_assets.archive.manifest import ArchivedFile, sha256_of
from recon_assets.domain.masking import masked_cards

if TYPE_CHECKING:
    import pyarrow as pa

MAX_VALUE_CHARACTERS: Final = 80
UNREADABLE: Final = "is no readable Parquet file"


def compared(archived: Path, again: Path, file: ArchivedFile | None, *, name: str) -> tuple[list[Finding], str | None]:
    """What differs, and a sentence about what was seen otherwise. `file` is what the manifest says of it, if anything.

    A file made again with the hash of the manifest proves what was archived, whatever the archived file is now.
    """
    if file is not None and sha256_of(again) == file.sha256:
        changed = not archived.is_file() or sha256_of(archived) != file.sha256
        note = f"{name}: made again from the raw bytes it has the hash of the manifest, so only this file was changed"
        return [], note if changed else None
    if not archived.is_file():
        return [], None  # it is missing, and that is told
    difference = first_difference(archived, again)
    if difference is not None:
        return [Finding(name, difference)], None
    return [], f"{name}: every row is the same, its bytes are not: it was written by another version or engine"


def first_difference(archived: Path, again: Path) -> str | None:
    """The first difference of two files, in words; None when they have the same rows in the same order."""
    import pyarrow as pa

    try:
        before = _read(archived)
    except (pa.ArrowException, OSError):
        return UNREADABLE
    after = _read(again)
    if before.schema.names != after.schema.names:
        only = sorted(set(before.schema.names) ^ set(after.schema.names))
        return f"has other columns than the file made again: {', '.join(only) or 'in another order'}"
    try:
        before = before.cast(after.schema)  # another engine may write the same values in a wider type
    except pa.ArrowException:
        return "has columns of other types than the file made again"
    if before.num_rows != after.num_rows:
        return f"has {before.num_rows:,} rows, made again there are {after.num_rows:,}{_where_it_parts(before, after)}"
    found = _first_row(before, after)
    return found and _told(before, after, *found)


def _read(path: Path) -> "pa.Table":
    """Words as plain text: how a column is encoded is no difference."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    plain = [
        pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def _first_row(before: "pa.Table", after: "pa.Table") -> tuple[int, str] | None:
    """The first row, from 0, and the first column of it in which they differ."""
    import pyarrow.compute as pc

    first: tuple[int, str] | None = None
    for name in before.schema.names:
        ours, theirs = before.column(name), after.column(name)
        if ours.equals(theirs):
            continue
        same = pc.coalesce(pc.equal(ours, theirs), pc.and_(pc.is_null(ours), pc.is_null(theirs)))
        row = pc.index(same, value=False).as_py()
        if row >= 0 and (first is None or row < first[0]):
            first = (row, name)
    return first


def _where_it_parts(before: "pa.Table", after: "pa.Table") -> str:
    rows = min(before.num_rows, after.num_rows)
    found = _first_row(before.slice(0, rows), after.slice(0, rows))
    row = found[0] if found else rows
    longer = before if before.num_rows > after.num_rows else after
    return f"; they part at row {row + 1}{_named(longer.slice(row, 1).to_pylist()[0])}"


def _told(before: "pa.Table", after: "pa.Table", row: int, name: str) -> str:
    ours, theirs = (_shown(table.column(name)[row].as_py()) for table in (before, after))
    named = _named(after.slice(row, 1).to_pylist()[0])
    return f"row {row + 1}{named}, column {name}: {ours} archived, {theirs} when made again from the raw bytes"


def _named(row: Mapping[str, Any]) -> str:
    """Which record a row is of."""
    for name in ("transaction_id", "discrepancy_id", "processor_discrepancy_id"):
        if row.get(name):
            return f" ({_shown(row[name])})"
    return ""


def _shown(value: object) -> str:
    text = masked_cards(str(value))
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"
