"""The last stage: all that made the answer in one folder, its copy in the bucket, and the word whether it is proven."""

from pathlib import Path
from uuid import UUID

import dagster as dg

from recon_assets.archive.local import archive_day, folder_of
from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.evidence import sources_of, statement_of
from recon_assets.assets.gates import refuse_unless_gates_passed
from recon_assets.assets.handles import ArchivedEvidence, ReconciledDay, ReportedDay
from recon_assets.assets.shipping import ship
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.domain.records import Side
from recon_assets.quality.checks import reconciliation_is_proven
from recon_assets.reports.raw_files import RawFileLine, write_raw_files_page
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.store.archives import (
    Archive,
    archive_of,
    checks_of_run,
    previous_day,
    previous_version,
    record_archived,
)


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
        evidence_bucket: dg.ResourceParam[EvidenceBucket],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            reported = stage.load("report", ReportedDay)
            refuse_unless_gates_passed(stage, UUID(reported.day.run_id))
            archived = _shipped(stage, evidence_bucket, _archived(stage, reported, evidence_bucket))
            evidence = ArchivedEvidence(folder=archived.folder, manifest_sha256=archived.manifest_sha256)
            outcome = reconciliation_is_proven(reported.day.conclusion)
            return stage.result(
                evidence,
                outcomes=[outcome],
                metadata={"verdict": reported.day.conclusion.verdict.value, **_metadata(stage, archived)},
                data_version=archived.manifest_sha256,
                run_id=reported.day.run_id,
            )

    return archive


def _archived(stage: Stage, reported: ReportedDay, bucket: EvidenceBucket) -> Archive:
    """The folder, written once, and its manifest in the record. A run that is archived already is left as it is."""
    day, run_id = reported.day, UUID(reported.day.run_id)
    folder = folder_of(processor=stage.day.processor, business_date=stage.day.business_date, run_id=day.run_id)
    with stage.record.connect() as connection:
        known = archive_of(connection, run_id)
        checks = checks_of_run(connection, run_id)
        before = previous_day(connection, stage.day.processor, stage.day.business_date)
        older = previous_version(connection, run_id)
    if known and not (stage.storage.archive / folder).is_dir():
        return _without_local_copy(known)
    archived = archive_day(
        stage.storage.archive,
        processor=stage.day.processor,
        business_date=stage.day.business_date,
        run_id=day.run_id,
        sources=sources_of(stage, reported, checks),
        statement=statement_of(stage, day, previous_day=before, previous_version=older),
    )
    _link_raw_files(stage, day, archived.folder)
    with stage.record.connect() as connection:
        return record_archived(
            connection,
            run_id=run_id,
            folder=folder,
            manifest_sha256=archived.manifest_sha256,
            file_count=len(archived.files),
            size_bytes=sum(file.size_bytes for file in archived.files),
            to_be_shipped=bucket.is_configured,
        )


def _link_raw_files(stage: Stage, day: ReconciledDay, evidence: Path) -> None:
    """A page beside the reports that leads to the raw files in the archive."""
    titles = {Side.PROCESSOR: "Processor", Side.LEDGER: "Ledger"}
    write_raw_files_page(
        stage.storage.reports,
        processor=stage.day.processor,
        business_date=stage.day.business_date,
        sides=[
            (
                titles[feed.side],
                [
                    RawFileLine(f"raw_{feed.side}_feed/{file.name}", file.size_bytes, file.sha256)
                    for file in feed.raw.files
                ],
            )
            for feed in day.feeds
        ],
        evidence=evidence,
    )


def _without_local_copy(known: Archive) -> Archive:
    """In the bucket it is safe: somebody made room. Else it is lost, and another one would not be what was archived."""
    if known.state == "shipped":
        return known
    raise ArchiveUnreadable(
        "the archived evidence of this answer is gone, and it was not shipped",
        where=f"{known.folder}, run {known.run_id}",
        remedy="Restore the folder from a copy: what is archived is never written again.",
    )


def _shipped(stage: Stage, bucket: EvidenceBucket, archived: Archive) -> Archive:
    """To the bucket, if there is one; the run succeeds wherever the evidence is."""
    log = dg.get_dagster_logger()
    if archived.state == "local":
        log.info("no S3 bucket is configured (AWS_S3_BUCKET_NAME): using local fallback")
        return archived
    if archived.state != "shipping":
        return archived
    after = ship(stage.record, stage.storage, bucket, archived)
    if after.state != "shipped":
        log.warning("the archive was not shipped: %s Using local fallback; a sensor ships it later", after.reason)
    return after


def _metadata(stage: Stage, archived: Archive) -> dict[str, object]:
    return {
        "archived": archived.state,
        "folder": dg.MetadataValue.path(str(stage.storage.archive / archived.folder)),
        "place": f"{archived.place}/{archived.folder}" if archived.place else "local folder",
        "manifest_sha256": archived.manifest_sha256,
        "files": archived.file_count,
        "bytes": archived.size_bytes,
    }
