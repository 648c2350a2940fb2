"""The first stage: the bytes of either side, as they came."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.records import Side
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.quality.checks import feed_is_complete
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter

FEED_RETRIES: Final = dg.RetryPolicy(
    max_retries=2, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""Of a whole fetch that failed for a reason that may pass, after each request of it was tried `RECON_HTTP_ATTEMPTS`
times; `running_stage` forbids it for every other reason. Seconds: about 20, then 40."""

STAGE_OF_SIDE = {Side.PROCESSOR: "raw_processor_feed", Side.LEDGER: "raw_ledger_feed"}


def raw_feed_asset(
    config: ProcessorConfig, side: Side, days: dg.DailyPartitionsDefinition, retries: dg.RetryPolicy = FEED_RETRIES
) -> dg.AssetsDefinition:
    """The raw feed of one side of one processor."""
    stage_name = STAGE_OF_SIDE[side]
    key = key_of(config, stage_name)
    owner, feed = (config.title, config.feed) if side is Side.PROCESSOR else ("Our ledger", config.ledger)
    is_csv = isinstance(feed, FilesDescription) and feed.format == "csv"

    @dg.asset(
        key=key,
        partitions_def=days,
        check_specs=check_specs(key, ["feed_is_complete"], days),
        retry_policy=retries,
        description=f"{owner}'s records of one day for {config.title}, byte for byte as they came, with SHA-256.",
        **described(config, kinds={"csv" if is_csv else "json"}, stage=stage_name),
    )
    def raw_feed(
        context: dg.AssetExecutionContext,
        feeds: dg.ResourceParam[Feeds],
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            raw, outcome = fetch_raw_feed(stage, feeds.adapter(config, side), side)
            return stage.result(
                raw,
                outcomes=[outcome],
                metadata=_metadata(raw, feeds.source(config, side), folder=stage.path),
                data_version=raw.sha256,
            )

    return raw_feed


def fetch_raw_feed(stage: Stage, adapter: "Adapter", side: Side) -> tuple[RawFeed, CheckOutcome]:
    """The bytes of one side, in the folder of `stage`. Raises what the adapter raises."""
    with RawFeedWriter(
        storage_root=stage.storage.root, folder=stage.folder, day=stage.day, side=side, feed_kind=adapter.kind
    ) as writer:
        adapter.fetch(stage.day, writer)
        raw = writer.finish()
    return raw, feed_is_complete(problems=raw.problems, files=len(raw.files), size_bytes=raw.size_bytes)


def _metadata(raw: RawFeed, source: str, *, folder: Path) -> dict[str, object]:
    files = [dg.TableRecord({"file": f.name, "bytes": f.size_bytes, "sha256": f.sha256}) for f in raw.files[:100]]
    return {  # what there is nothing to say of is left out
        "source": source,
        "folder": dg.MetadataValue.path(folder),
        "bytes": raw.size_bytes,
        "sha256": raw.sha256,
        **({} if raw.promised_records is None else {"records_promised": raw.promised_records}),
        **({"facts": "; ".join(raw.facts[:20])} if raw.facts else {}),
        **({"files": dg.MetadataValue.table(files)} if files else {}),
    }
