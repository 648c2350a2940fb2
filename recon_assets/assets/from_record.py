"""A day's answer as Dagster's events, made from the record and the manifest alone: what a run would have said of it.

What belongs here: words and figures. Not here: reading the record (`store.current_answers`), and Dagster's storage
(`resources.dagster_history`).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg

from recon_assets.archive.manifest import Manifest, read_manifest
from recon_assets.assets.checks import BLOCKING, check_results
from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.resources.dagster_history import Evaluation
from recon_assets.store.current_answers import AnsweredCheck, CurrentAnswer

REPORTED_FROM: Final = "reported_from"
THE_RECORD: Final = "the record: this is no run, it repeats what an earlier one answered (recon dagster-sync)"
SHOWN_FILES: Final = 100
"""Of a stage in its metadata; the manifest has all."""


def events_of(
    answer: CurrentAnswer, checks: Sequence[AnsweredCheck], archive: Path
) -> dict[dg.AssetKey, tuple[dg.AssetMaterialization, list[Evaluation]]]:
    """By asset: its materialisation and its checks. An asset whose checks the record does not have was not made."""
    by_asset: defaultdict[str, list[AnsweredCheck]] = defaultdict(list)
    for check in checks:
        by_asset[check.asset_key].append(check)
    manifest = _manifest(answer, archive)
    return {
        (key := dg.AssetKey(asset.split("/"))): (
            _materialisation(key, answer, max(check.checked_at for check in found), manifest),
            [_evaluation(key, answer, check) for check in found],
        )
        for asset, found in by_asset.items()
    }


def _materialisation(
    key: dg.AssetKey, answer: CurrentAnswer, made_at: datetime, manifest: Manifest | None
) -> dg.AssetMaterialization:
    stage = key.path[-1]
    return dg.AssetMaterialization(
        asset_key=key,
        partition=answer.business_date.isoformat(),
        metadata=_common(answer, answer.dagster_run_id)
        | {"made_at": dg.MetadataValue.timestamp(made_at), "verdict": answer.verdict, "version": answer.version}
        | _figures(answer, stage)
        | _files(manifest, stage),
    )


def _evaluation(key: dg.AssetKey, answer: CurrentAnswer, check: AnsweredCheck) -> Evaluation:
    (said,) = check_results(
        [
            CheckOutcome(
                name=check.check_name,
                passed=check.passed,
                severity=Severity(check.severity),
                description=check.description,
                rows_checked=check.rows_checked,
                failed_rules=check.failed_rules,
                facts=check.facts,
            )
        ]
    )
    return Evaluation(
        check=dg.AssetCheckKey(key, check.check_name),
        partition=answer.business_date.isoformat(),
        passed=check.passed,
        severity=said.severity,
        blocking=check.check_name in BLOCKING,
        description=said.description or check.description,
        metadata=_common(answer, check.dagster_run_id)
        | {"checked_at": dg.MetadataValue.timestamp(check.checked_at)}
        | dict(said.metadata or {}),
    )


def _common(answer: CurrentAnswer, dagster_run_id: str | None) -> dict[str, Any]:
    return {
        REPORTED_FROM: THE_RECORD,
        "run_id": str(answer.run_id),
        "made_by_dagster_run": dagster_run_id or "unknown",
    }


def _figures(answer: CurrentAnswer, stage: str) -> dict[str, Any]:
    if stage == "discrepancies":
        return {
            "processor_transactions": answer.processor_transactions,
            "ledger_entries": answer.ledger_entries,
            "matched": answer.matched,
            "discrepancies": answer.discrepancies,
            "money_at_stake": ", ".join(f"{amount} {currency}" for currency, amount in sorted(answer.at_stake.items())),
        }
    if stage == "archive" and answer.manifest_sha256:
        return {"manifest_sha256": answer.manifest_sha256, "folder": answer.archive_folder or "unknown"}
    return {}


def _manifest(answer: CurrentAnswer, archive: Path) -> Manifest | None:
    """None where the folder is not here any more, is in the bucket only, or is not what was archived."""
    if not answer.archive_folder:
        return None
    try:
        manifest = read_manifest(archive / answer.archive_folder)
    except ArchiveUnreadable:
        return None
    return manifest if manifest.sha256 == answer.manifest_sha256 else None


def _files(manifest: Manifest | None, stage: str) -> dict[str, Any]:
    """Files of a stage: a raw feed and the report are folders of the archive, the others files of their name."""
    folder = f"{stage}/"
    of_stage = [
        file
        for file in (manifest.files if manifest else ())
        if file.path.startswith(folder) or ("/" not in file.path and Path(file.path).stem == stage)
    ]
    if not of_stage:
        return {}
    rows = [
        dg.TableRecord({"file": file.path, "bytes": file.size_bytes, "sha256": file.sha256})
        for file in of_stage[:SHOWN_FILES]
    ]
    return {"bytes": sum(file.size_bytes for file in of_stage), "files": dg.MetadataValue.table(rows)}
