"""The second stage: either side's records in the one canonical schema, every row with its way back to the byte."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.columns import FRAME_STAGE_OF_SIDE, frame_columns
from recon_assets.assets.common import described, key_of
from recon_assets.assets.evidence import keep_configuration
from recon_assets.assets.handles import NormalisedFeed
from recon_assets.assets.raw_feeds import STAGE_OF_SIDE as RAW_STAGE_OF_SIDE
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.records import Side
from recon_assets.feeds.raw import RawFeed
from recon_assets.quality.checks import (
    every_record_was_read,
    ids_are_unique,
    records_lie_in_the_business_day,
    schema_holds,
)
from recon_assets.quality.facts import FrameFacts, measure_frame
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter

CHECKS = ("every_record_was_read", "schema_holds", "ids_are_unique", "records_lie_in_the_business_day")


def frame_asset(config: ProcessorConfig, side: Side, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The canonical frame of one side of one processor."""
    stage_name = FRAME_STAGE_OF_SIDE[side]
    key = key_of(config, stage_name)
    whose = config.title if side is Side.PROCESSOR else "our ledger"

    @dg.asset(
        key=key,
        deps=[key_of(config, RAW_STAGE_OF_SIDE[side])],
        partitions_def=days,
        check_specs=check_specs(key, CHECKS, days),
        description=f"What {whose} says happened, in exact minor units and one schema; unreadable records kept aside.",
        metadata={"dagster/column_schema": frame_columns(side)},
        **described(config, kinds={"parquet", "pandera"}, stage=stage_name),
    )
    def frame(
        context: dg.AssetExecutionContext,
        feeds: dg.ResourceParam[Feeds],
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            raw = stage.load(RAW_STAGE_OF_SIDE[side], RawFeed)
            normalised, outcomes = read_frame(stage, config, feeds.adapter(config, side), raw)
            return stage.result(
                normalised,
                outcomes=outcomes,
                metadata=_metadata(normalised, file=stage.path / normalised.frame.file),
                data_version=normalised.frame.sha256,
            )

    return frame


def read_frame(
    stage: Stage, config: ProcessorConfig, adapter: "Adapter", raw: RawFeed
) -> tuple[NormalisedFeed, list[CheckOutcome]]:
    """The frame of a raw feed, in the folder of `stage`. Raises what the adapter raises."""
    from recon_assets.feeds.normalise import write_frame  # pandas and pandera, which showing the graph does not need

    root = stage.storage.root
    chunks = adapter.read(raw, root / raw.folder, stage.day)
    frame = write_frame(chunks, side=raw.side, storage_root=root, folder=stage.folder)
    keep_configuration(stage, config)
    normalised = NormalisedFeed(raw=raw, frame=frame)
    return normalised, _outcomes(normalised, measure_frame(stage.path / frame.file, stage.day))


def _outcomes(normalised: NormalisedFeed, facts: FrameFacts) -> list[CheckOutcome]:
    frame = normalised.frame
    broken = sum(count for reason, count in frame.reject_reasons.items() if reason in frame.rule_failures)
    return [
        every_record_was_read(promised=normalised.raw.promised_records, rows=frame.rows, rejected=frame.reject_reasons),
        schema_holds(rows_checked=frame.rows + broken, rule_failures=frame.rule_failures),
        ids_are_unique(facts),
        records_lie_in_the_business_day(facts),
    ]


def _metadata(normalised: NormalisedFeed, *, file: Path) -> dict[str, object]:
    frame = normalised.frame
    return {
        "dagster/row_count": frame.rows,
        "rejected_rows": frame.rejected_rows,
        "left_out_records": sum(frame.left_out.values()),
        "bytes": frame.size_bytes,
        "sha256": frame.sha256,
        "file": dg.MetadataValue.path(file),
    }
