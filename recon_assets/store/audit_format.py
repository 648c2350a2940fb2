"""The bytes that are hashed: events, seals and rows as text, and the tree over events. Frozen; see `docs/audit.md`.

What belongs here: the format, from values alone. Not here: reading the database (`audit_verification`, `audit_rows`).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Final, NamedTuple

EVENT_FORMAT: Final = "recon-audit-v1"
SEAL_FORMAT: Final = "recon-seal-v1"
GENESIS: Final = hashlib.sha256(b"recon-genesis-v1").digest()
"""What the first seal links to."""


class AuditEvent(NamedTuple):
    """One row of `audit_log`, every value as PostgreSQL prints it; a tuple, since there are millions."""

    seq: str
    id: str
    event_time_us: str
    actor: str
    action: str
    table_name: str | None
    row_count: str
    run_id: str | None
    old_value: str | None
    new_value: str | None
    context: str


@dataclass(frozen=True, slots=True)
class Seal:
    """One row of `audit_seals`. `sealed_at_us` is in microseconds since 1970."""

    seal_no: int
    prev_hash: bytes
    from_seq: int
    to_seq: int
    row_count: int
    merkle_root: bytes
    sealed_at_us: int
    seal_hash: bytes

    def computed_hash(self) -> bytes:
        """`recon-seal-v1`: what `seal_hash` must be."""
        fields = (self.seal_no, self.prev_hash.hex(), self.from_seq, self.to_seq, self.row_count)
        text = "|".join(map(str, (SEAL_FORMAT, *fields, self.merkle_root.hex(), self.sealed_at_us)))
        return hashlib.sha256(text.encode()).digest()


json_string: Final[Callable[[str], str]] = encode_basestring
"""As PostgreSQL writes it: only the quote, the backslash and U+0000 to U+001F are escaped. (In C.)"""


def event_text(event: AuditEvent) -> str:
    """`recon-audit-v1`: twelve lines, an absent value is an empty one."""
    return (
        f"{EVENT_FORMAT}\n{event[0]}\n{event[1]}\n{event[2]}\n{json_string(event[3])}\n{json_string(event[4])}\n"
        f"{'' if event[5] is None else json_string(event[5])}\n{event[6]}\n{event[7] or ''}\n{event[8] or ''}\n"
        f"{event[9] or ''}\n{event[10]}"
    )


def event_leaf(event: AuditEvent) -> bytes:
    """The leaf hash of RFC 6962."""
    return hashlib.sha256(b"\x00" + event_text(event).encode()).digest()


class MerkleTree:
    """The tree head of RFC 6962 over leaves that come one by one; memory grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.leaves = 0
        self._whole: list[bytes] = []  # roots of perfect subtrees, the largest first: one per bit of `leaves`

    def add(self, leaf: bytes) -> None:
        """Append one leaf."""
        node, size = leaf, self.leaves
        while size & 1:
            node = _inner(self._whole.pop(), node)
            size >>= 1
        self._whole.append(node)
        self.leaves += 1

    def root(self) -> bytes:
        """The head; of no leaves it is the hash of nothing."""
        if not self._whole:
            return hashlib.sha256().digest()
        node = self._whole[-1]
        for left in reversed(self._whole[:-1]):
            node = _inner(left, node)
        return node


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def digest_of_rows(row_digests: Iterable[bytes]) -> str:
    """What a BULK_INSERT event says of its rows: the hash over their hashes, sorted."""
    return hashlib.sha256(b"".join(sorted(row_digests))).hexdigest()


class RowText:
    """A row as `to_jsonb(row)::text` in UTC, from its values as PostgreSQL prints them with ISO dates in UTC."""

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        """`columns`: name and type of each value, in the order in which values come."""
        keys = sorted(
            ((name.encode(), place) for place, (name, _) in enumerate(columns)), key=lambda key: (len(key[0]), key[0])
        )
        self._fields = [
            (place, f"{json_string(name.decode())}: ", _WRITERS.get(columns[place][1], json_string))
            for name, place in keys
        ]

    def of(self, values: Sequence[str | None]) -> str:
        """The text; jsonb orders keys by length, then by bytes."""
        fields = [
            f"{key}null" if (value := values[place]) is None else key + write(value)
            for place, key, write in self._fields
        ]
        return "{" + ", ".join(fields) + "}"


def _as_it_is(text: str) -> str:
    return text


def _in_quotes(text: str) -> str:
    return f'"{text}"'


def _number(text: str) -> str:
    return text if text[-1].isdigit() else json_string(text)  # NaN and Infinity are no JSON


def _boolean(text: str) -> str:
    return "true" if text == "t" else "false"


def _timestamp(text: str) -> str:
    """From `2025-09-30 12:00:00.5+00` to ISO 8601; infinity stays a word."""
    return f'"{text.replace(" ", "T", 1).replace("+00", "+00:00", 1)}"'


_WRITERS: Final[dict[str, Callable[[str], str]]] = {
    "int2": _as_it_is,
    "int4": _as_it_is,
    "int8": _as_it_is,
    "numeric": _number,
    "bool": _boolean,
    "jsonb": _as_it_is,
    "uuid": _in_quotes,
    "date": _in_quotes,
    "timestamptz": _timestamp,
}
