"""The columns of the stages that are tables, as Dagster's catalogue shows them, and which are made of which."""

import dagster as dg

from recon_assets.assets.common import key_of
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.schemas.columns import column_schema
from recon_assets.schemas.discrepancies import DISCREPANCY_COLUMNS

FRAME_STAGE_OF_SIDE = {Side.PROCESSOR: "transactions", Side.LEDGER: "ledger_entries"}


def frame_columns(side: Side) -> dg.TableSchema:
    """Of a frame; a test holds them against its pandera model."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=column.unique),
            )
            for column in column_schema(side)
        ]
    )


def discrepancy_columns() -> dg.TableSchema:
    """Of what the matching hands over to the record."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, description=column.description) for column in DISCREPANCY_COLUMNS
        ]
    )


def discrepancy_lineage(config: ProcessorConfig) -> dg.TableColumnLineage:
    """Which columns of the frames each column is made of. Dagster keeps it; its open-source UI does not draw it."""
    return dg.TableColumnLineage(
        deps_by_column={
            column.name: [
                dg.TableColumnDep(asset_key=key_of(config, FRAME_STAGE_OF_SIDE[side]), column_name=name)
                for side, name in column.made_of
            ]
            for column in DISCREPANCY_COLUMNS
            if column.made_of
        }
    )
