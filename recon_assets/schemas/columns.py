"""The columns of the canonical frames for people and catalogues: what each says, and which have to be there.

Not here: the rules that hold for a row (`models`, pandera). A graph that is shown needs this, and neither pandera nor
Arrow.
"""

from dataclasses import dataclass
from typing import Final

from recon_assets.domain.records import Movement, Side, Status

MAX_TEXT_CHARACTERS: Final = 255

NEEDED: Final = ("raw_file", "record_number", "transaction_id", "amount_minor", "currency", "status", "occurred_at")
"""Columns of a parsed row that are never null."""

_RECORD_OF_SIDE: Final = {Side.PROCESSOR: "transaction", Side.LEDGER: "ledger entry"}
_COLUMNS: Final = {
    "seq": ("int64", "Address of the {record} in its frame, from 0 in the order of the raw feed"),
    "raw_file": ("string", "Raw file that the {record} was read from"),
    "record_number": ("int64", "Number of the record in its raw file, from 1"),
    "transaction_id": ("string", "The id by which both sides know the money movement, as text and unchanged"),
    "record_id": ("string", "The feed's own id of the row, where that is another one"),
    "reference_number": ("string", "The other side's or the merchant's reference, if there is one"),
    "order_id": ("string", "The merchant's order or invoice that was paid, if the feed says it"),
    "payout_id": ("string", "The payout that brought the money to the bank, if the feed says it"),
    "merchant_id": ("string", "Merchant that the {record} belongs to, if there is one"),
    "transaction_type": ("string", "The feed's own word for the kind of {record}"),
    "movement": ("string", "Canonical kind of movement: " + ", ".join(Movement)),
    "amount_minor": ("int64", "Gross amount in minor units of the currency; money in is positive"),
    "currency": ("string", "ISO 4217 code"),
    "fee_minor": (
        "int64",
        "Fee in minor units; positive when we pay it; null when the feed did not say, which is not zero",
    ),
    "net_minor": ("int64", "Gross less fee in minor units; null when the feed did not say"),
    "status": ("string", "Canonical status: " + ", ".join(Status)),
    "occurred_at": ("timestamp[us, UTC]", "When it happened, UTC"),
    "agreement_code": ("int32", "Currency and status packed in one integer, for the matching"),
}
"""In the order of `frames.FRAME_SCHEMA`, with the type as people read it; a test holds both against each other."""

FRAME_COLUMNS: Final = tuple(_COLUMNS)


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """One column of a finished frame, for people and for catalogues."""

    name: str
    type: str
    description: str
    nullable: bool
    unique: bool


def column_schema(side: Side) -> list[ColumnDescription]:
    """Every column of a finished frame of one side, in order."""
    return [
        ColumnDescription(
            name=name,
            type=type_text,
            description=described(name, side),
            nullable=name not in {*NEEDED, "seq", "agreement_code"},
            unique=name == "seq",
        )
        for name, (type_text, _) in _COLUMNS.items()
    ]


def described(column: str, side: Side) -> str:
    """One sentence about a column of one side."""
    return _COLUMNS[column][1].format(record=_RECORD_OF_SIDE[side])
