"""The last stage: all that made the answer in one folder, and the word whether the day is proven."""

from importlib.metadata import version
from pathlib import Path

import dagster as dg

from recon_assets.archive.local import AUDIT_HEAD, ArchivedDay, AuditHead, archive_day
from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.handles import ArchivedEvidence, ReportedDay
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.quality.checks import reconciliation_is_proven
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage


def archive_asset(config: ProcessorConfig, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The archive of one processor."""
    key = key_of(config, "archive")

    @dg.asset(
        key=key,
        deps=[key_of(config, "report")],
        partitions_def=days,
        check_specs=check_specs(key, ["reconciliation_is_proven"], days),
        description=f"The evidence of {config.title}'s day, from raw bytes to report, with a manifest of SHA-256.",
        **described(config, kinds={"file"}, stage="archive"),
    )
    def archive(
        context: dg.AssetExecutionContext,
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            reported = stage.load("report", ReportedDay)
            archived = _archive(stage, reported)
            evidence = ArchivedEvidence(
                folder=archived.folder.relative_to(storage.archive).as_posix(),
                manifest_sha256=archived.manifest_sha256,
            )
            outcome = reconciliation_is_proven(reported.day.conclusion)
            return stage.result(evidence, outcomes=[outcome], metadata=_metadata(archived), run_id=reported.day.run_id)

    return archive


def _archive(stage: Stage, reported: ReportedDay) -> ArchivedDay:
    root, day = stage.storage.root, reported.day
    sources: dict[str, Path] = {Path(path).name: root / path for path in day.matching.all()}
    for feed in day.feeds:
        sources[f"raw_{feed.side}_feed"] = root / feed.raw.folder
        sources[feed.frame.file] = root / feed.frame.folder / feed.frame.file
        sources[f"rejected_{feed.side}.parquet"] = root / feed.frame.folder / feed.frame.rejected_file
    head = stage.record.audit_head()
    for report in reported.all():
        sources[f"report/{Path(report).name}"] = stage.storage.reports / report
    return archive_day(
        stage.storage.archive,
        processor=stage.day.processor,
        business_date=stage.day.business_date,
        run_id=day.run_id,
        sources=sources,
        statement={
            "run_id": day.run_id,
            "version": day.version,
            "conclusion": day.conclusion,
            "raw_feeds": [feed.raw for feed in day.feeds],
            AUDIT_HEAD: AuditHead(*head) if head else None,
            "versions": {name: version(name) for name in ("recon-assets", "dagster", "duckdb", "pandera", "pyarrow")},
        },
    )


def _metadata(archived: ArchivedDay) -> dict[str, object]:
    return {
        "folder": dg.MetadataValue.path(str(archived.folder)),
        "manifest_sha256": archived.manifest_sha256,
        "files": len(archived.files),
        "bytes": sum(file.size_bytes for file in archived.files),
    }
