"""The description of the discrepancies against what the matching hands over."""

from recon_assets.schemas.discrepancies import DISCREPANCY_COLUMNS
from recon_assets.store.staging import MATCHING_COLUMNS


def test_every_column_that_is_handed_over_is_described_in_its_order() -> None:
    assert [(column.name, column.type) for column in DISCREPANCY_COLUMNS] == [
        (field.name, str(field.type)) for field in MATCHING_COLUMNS
    ]
    assert all(column.description for column in DISCREPANCY_COLUMNS)
