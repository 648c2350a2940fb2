"""The columns of the matching's `discrepancies.parquet` for people and catalogues: what each says, and is made of."""

from dataclasses import dataclass
from typing import Final

from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.records import Side

_BOTH: Final = tuple(Side)

_OTHER_TYPES: Final = {
    "priority": "int32",
    "occurrence": "int32",
    "amount_minor": "int64",
    "processor_amount_minor": "int64",
    "processor_seq": "int64",
    "processor_record_number": "int64",
    "ledger_amount_minor": "int64",
    "ledger_seq": "int64",
    "ledger_record_number": "int64",
    "fee_minor": "int64",
    "occurred_at": "timestamp[us, tz=UTC]",
    "due_on": "date32[day]",
    "counterpart_date": "date32[day]",
    "fee_difference_minor": "int64",
}
"""Of the columns that are no text; a test holds them against what the record takes over."""


@dataclass(frozen=True, slots=True)
class DiscrepancyColumn:
    """One column. `made_of` names columns of the frames by side; a column that the matching itself says has none."""

    name: str
    description: str
    made_of: tuple[tuple[Side, str], ...] = ()

    @property
    def type(self) -> str:
        """As people read it."""
        return _OTHER_TYPES.get(self.name, "string")


def _from(column: str, *sides: Side) -> tuple[tuple[Side, str], ...]:
    return tuple((side, column) for side in sides)


def _of_side(side: Side) -> tuple[DiscrepancyColumn, ...]:
    whose = side.value
    return (
        DiscrepancyColumn(
            f"{whose}_amount_minor", f"Gross amount of the {whose}, in minor units", _from("amount_minor", side)
        ),
        DiscrepancyColumn(f"{whose}_currency", f"Currency of the {whose}, ISO 4217", _from("currency", side)),
        DiscrepancyColumn(f"{whose}_status", f"Status that the {whose} gives, in our words", _from("status", side)),
        DiscrepancyColumn(f"{whose}_seq", f"Address of the record in the {whose}'s frame", _from("seq", side)),
        DiscrepancyColumn(
            f"{whose}_raw_file", f"Raw file of the {whose} that the record was read from", _from("raw_file", side)
        ),
        DiscrepancyColumn(
            f"{whose}_record_number", "Number of the record in that raw file, from 1", _from("record_number", side)
        ),
    )


DISCREPANCY_COLUMNS: Final = (
    DiscrepancyColumn("discrepancy_id", "The same for the same finding, however often the day is run"),
    DiscrepancyColumn("class", "What kind of finding: " + ", ".join(DiscrepancyClass)),
    DiscrepancyColumn("outcome", "What follows of it: " + ", ".join(Outcome)),
    DiscrepancyColumn("priority", "Rank of the class: 1 is looked at first"),
    DiscrepancyColumn("side", "The side that has the record, where only one has it"),
    DiscrepancyColumn("transaction_id", "The id of the money movement", _from("transaction_id", *_BOTH)),
    DiscrepancyColumn("occurrence", "Which one of several records with this id, from 1"),
    DiscrepancyColumn("currency", "Currency of `amount_minor`, ISO 4217", _from("currency", *_BOTH)),
    DiscrepancyColumn(
        "amount_minor",
        "Signed amount in minor units that the proof counts: processor less ledger",
        _from("amount_minor", *_BOTH),
    ),
    *_of_side(Side.PROCESSOR),
    *_of_side(Side.LEDGER),
    DiscrepancyColumn("merchant_id", "Merchant of the record, if there is one", _from("merchant_id", *_BOTH)),
    DiscrepancyColumn(
        "reference_number", "The other side's or the merchant's reference", _from("reference_number", *_BOTH)
    ),
    DiscrepancyColumn("fee_minor", "Fee in minor units; null when no feed said it", _from("fee_minor", *_BOTH)),
    DiscrepancyColumn("occurred_at", "When it happened, UTC", _from("occurred_at", *_BOTH)),
    DiscrepancyColumn("pass", "The pass of the match; null when there is no match"),
    DiscrepancyColumn("differs", "All that differs in the match, separated by commas"),
    DiscrepancyColumn("due_on", "The date from which a record that stayed alone is a discrepancy"),
    DiscrepancyColumn("counterpart_date", "The other business date, where the counterpart is of another day"),
    DiscrepancyColumn(
        "fee_difference_minor",
        "Fee of the processor less the fee that the schedule or the ledger says, in minor units",
        _from("fee_minor", *_BOTH),
    ),
)
"""In the order of the file."""
