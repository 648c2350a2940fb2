"""Rows of a database as JSON lines that keep what came: decimals as their exact text, times as ISO 8601.

A floating point number has no exact text: in a column that is used it is refused, in any other kept for the eye.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood

_PLAIN: Final = frozenset({str, int, type(None)})
"""Types whose JSON is exact as it is."""

_ENCODER: Final = msgspec.json.Encoder()
_MAX_JSON_INTEGER: Final = 2**63


class RowLines:
    """Writes the batches of one query as lines of JSON objects. `where` and `used` columns are for its errors."""

    def __init__(self, names: Sequence[str], *, used: Iterable[str], where: str) -> None:
        self._names, self._used, self._where = tuple(names), frozenset(used), where

    def encoded(self, batch: Sequence[Sequence[Any]]) -> bytes:
        """One line for each row, in order. Raises `FeedNotUnderstood` for a value without an exact text."""
        columns = [
            self._exact(name, values) for name, values in zip(self._names, zip(*batch, strict=True), strict=True)
        ]
        return bytes(_ENCODER.encode_lines(self._objects(columns)))

    def _objects(self, columns: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        return (dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True))

    def _exact(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        kinds = set(map(type, values))
        if kinds == {Decimal}:
            return [format(value, "f") for value in values]
        if kinds <= _PLAIN and int not in kinds:
            return values
        is_used = name in self._used
        return [self._exact_value(name, value, is_used=is_used) for value in values]

    def _exact_value(self, name: str, value: Any, *, is_used: bool) -> str | int | None:
        kind = type(value)
        if kind is int:
            return value if -_MAX_JSON_INTEGER <= value < _MAX_JSON_INTEGER else str(value)
        if kind in _PLAIN:
            return value  # type: ignore[no-any-return]
        writer = next((write for known, write in _WRITERS if isinstance(value, known)), None)
        if writer is not None:
            return writer(value)
        if not is_used:
            return repr(value)
        if isinstance(value, float):
            raise FeedNotUnderstood(
                f"the column {name} holds floating point numbers, which are not exact",
                where=self._where,
                remedy="Cast it to numeric, or to text, in the query.",
            )
        raise FeedNotUnderstood(
            f"the column {name} holds values of the type {kind.__name__}, which have no agreed text",
            where=self._where,
            remedy="Cast it to text in the query.",
        )


def _instant(value: datetime) -> str:
    """With an offset: in UTC, so that the zone of the session changes nothing. Without: as it is."""
    try:
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    except OverflowError:  # the first or last hours that there are
        return value.isoformat()


_WRITERS: Final[Sequence[tuple[type, Callable[[Any], str]]]] = (
    (bool, lambda value: "true" if value else "false"),
    (Decimal, lambda value: format(value, "f")),
    (datetime, _instant),
    (date, date.isoformat),
    (time, time.isoformat),
    (UUID, str),
    (str, str),
    (dict, lambda value: json.dumps(value, default=str)),
    (list, lambda value: json.dumps(value, default=str)),
)
