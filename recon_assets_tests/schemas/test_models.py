"""Every rule of a parsed row finds its violation, counts it, and says nothing of the value."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recon_assets.domain.records import Side
from recon_assets.schemas.columns import column_schema
from recon_assets.schemas.frames import FRAME_SCHEMA, PARSED_SCHEMA, ROW_GROUP_ROWS, WORD
from recon_assets.schemas.models import BrokenRule, model, validate_chunk

GOOD: dict[str, Any] = {
    "raw_file": "a.csv",
    "record_number": 1,
    "transaction_id": "t1",
    "reference_number": None,
    "merchant_id": None,
    "transaction_type": None,
    "amount_minor": 100,
    "currency": "USD",
    "fee_minor": None,
    "net_minor": None,
    "status": "completed",
    "occurred_at": datetime(2025, 9, 30, tzinfo=UTC),
}
LARGEST, SMALLEST = 2**63 - 1, -(2**63)


def table_of(*changes: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([GOOD | change for change in changes], schema=PARSED_SCHEMA)


@pytest.mark.parametrize(
    ("change", "column", "rule"),
    [
        ({"transaction_id": None}, "transaction_id", "transaction_id_is_present"),
        ({"transaction_id": ""}, "transaction_id", "transaction_id_has_1_to_255_characters"),
        ({"transaction_id": "ü" * 256}, "transaction_id", "transaction_id_has_1_to_255_characters"),
        ({"transaction_id": "a\x00b"}, "transaction_id", "transaction_id_has_no_control_characters"),
        ({"transaction_id": "a\nb"}, "transaction_id", "transaction_id_has_no_control_characters"),
        ({"reference_number": "a\tb"}, "reference_number", "reference_number_has_no_control_characters"),
        ({"reference_number": "r" * 256}, "reference_number", "reference_number_has_1_to_255_characters"),
        ({"merchant_id": ""}, "merchant_id", "merchant_id_has_1_to_255_characters"),
        ({"merchant_id": "a\x00"}, "merchant_id", "merchant_id_has_no_null_characters"),
        ({"transaction_type": "x" * 300}, "transaction_type", "transaction_type_has_1_to_255_characters"),
        ({"amount_minor": None}, "amount_minor", "amount_minor_is_present"),
        ({"currency": None}, "currency", "currency_is_present"),
        ({"currency": "usd"}, "currency", "currency_is_of_iso_4217"),
        ({"currency": "XAU"}, "currency", "currency_is_of_iso_4217"),
        ({"status": None}, "status", "status_is_present"),
        ({"status": "settled"}, "status", "status_is_ours"),
        ({"occurred_at": None}, "occurred_at", "occurred_at_is_present"),
        ({"record_number": 0}, "record_number", "record_number_is_positive"),
        ({"fee_minor": 3, "net_minor": 96}, "net_minor", "net_is_amount_less_fee"),
        ({"amount_minor": LARGEST, "fee_minor": -1, "net_minor": SMALLEST}, "net_minor", "net_is_amount_less_fee"),
    ],
)
@pytest.mark.parametrize("side", Side)
def test_a_rule_finds_its_violation_among_good_rows(change: dict[str, Any], column: str, rule: str, side: Side) -> None:
    outcome = validate_chunk(table_of({}, change, {}), side)
    assert outcome.failures == {rule: 1}
    assert outcome.broken == (BrokenRule(row=1, column=column, rule=rule),)
    assert outcome.good.to_pylist() == table_of({}, {}).to_pylist()


def test_a_rule_holds_for_the_rest_of_a_column_in_which_one_row_breaks_it() -> None:
    rows = [{"transaction_id": "ü" * 200}, {"transaction_id": "a\x7f"}, {"transaction_id": "t", "merchant_id": "a\nb"}]
    outcome = validate_chunk(table_of(*rows), Side.PROCESSOR)
    assert outcome.failures == {"transaction_id_has_no_control_characters": 1}
    assert [rule.row for rule in outcome.broken] == [1]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"transaction_id": "ü" * 255, "merchant_id": "Café\nRive Gauche"},
        {"fee_minor": 0, "net_minor": 100},
        {"fee_minor": -5, "net_minor": 105},
        {"fee_minor": 5},
        {"net_minor": 5},
        {"amount_minor": -LARGEST, "fee_minor": 1, "net_minor": SMALLEST},
        {"currency": "KWD", "status": "reversed", "transaction_type": "refund", "reference_number": "r"},
    ],
)
def test_a_row_that_keeps_every_rule_passes_unchanged(change: dict[str, Any]) -> None:
    outcome = validate_chunk(table_of({}, change), Side.LEDGER)
    assert (outcome.failures, outcome.broken) == ({}, ())
    assert outcome.good.equals(table_of({}, change))


def test_every_violation_is_counted_and_a_row_is_broken_once() -> None:
    outcome = validate_chunk(
        table_of({"transaction_id": "", "currency": "x"}, {"currency": "y"}, {}, {"status": "z"}), Side.PROCESSOR
    )
    assert outcome.failures == {
        "currency_is_of_iso_4217": 2,
        "status_is_ours": 1,
        "transaction_id_has_1_to_255_characters": 1,
    }
    assert [rule.row for rule in outcome.broken] == [0, 1, 3]
    assert outcome.good.num_rows == 1


def test_no_outcome_carries_a_value() -> None:
    outcome = validate_chunk(table_of({"transaction_id": "secret\n", "status": "secret"}), Side.PROCESSOR)
    assert "secret" not in repr(outcome.failures) + repr(outcome.broken)


def test_a_chunk_of_many_pieces_and_dictionaries_is_validated_as_one() -> None:
    pieces = pa.concat_tables([table_of({"currency": "EUR"}), table_of({"currency": "bad"}, {"currency": "JPY"})])
    outcome = validate_chunk(pieces, Side.PROCESSOR)
    assert outcome.failures == {"currency_is_of_iso_4217": 1}
    assert outcome.good["currency"].to_pylist() == ["EUR", "JPY"]


def test_an_empty_chunk_is_valid() -> None:
    assert validate_chunk(PARSED_SCHEMA.empty_table(), Side.PROCESSOR).failures == {}


def test_a_full_row_group_of_bad_rows_is_sorted_out_completely() -> None:
    many = table_of({}, {"status": "x"}).take(pa.array(np.tile([0, 1], ROW_GROUP_ROWS // 2)))
    outcome = validate_chunk(many, Side.PROCESSOR)
    assert outcome.failures == {"status_is_ours": ROW_GROUP_ROWS // 2}
    assert outcome.good.num_rows == ROW_GROUP_ROWS // 2


def test_columns_that_are_not_the_schema_are_a_mistake_of_the_program() -> None:
    with pytest.raises(AssertionError):
        validate_chunk(table_of({}).drop_columns("fee_minor"), Side.PROCESSOR)


@pytest.mark.parametrize("side", Side)
def test_every_column_of_a_frame_is_described_as_the_model_holds_it(side: Side) -> None:
    described = column_schema(side)
    assert [column.name for column in described] == FRAME_SCHEMA.names
    assert all(column.description and "{" not in column.description for column in described)
    assert [column.name for column in described if column.unique] == ["seq"]
    columns = model(side).columns
    for column in described[1:-1]:
        assert columns[column.name].nullable is column.nullable
        assert columns[column.name].description == column.description
    words = {str(WORD): "string", "timestamp[us, tz=UTC]": "timestamp[us, UTC]"}
    assert [column.type for column in described] == [words.get(str(f.type), str(f.type)) for f in FRAME_SCHEMA]
