"""What the evidence of a day is made of: which files of the storage, and what its manifest says.

What belongs here: names inside an archive folder, and what is remembered for whoever performs the day again. Not here:
writing the folder (`recon_assets.archive`), and performing again (`recon_assets.cli.verifying.reperform`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from recon_assets.archive.local import AUDIT_HEAD, AuditHead
from recon_assets.archive.manifest import FORMAT, LinkBefore
from recon_assets.assets.days_around import DaysAround
from recon_assets.assets.handles import NormalisedFeed, ReconciledDay, ReportedDay
from recon_assets.assets.stage import Stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.domain.risk import RiskThresholds
from recon_assets.matching.runner import Spark
from recon_assets.store.archives import ArchivedCheck, Link

CONFIGURATION_FILE: Final = "configuration.json"
"""Beside a frame: the processor's configuration that it was read by, as it was said, without what is default."""

INPUTS_FILE: Final = "inputs.json"
"""Beside the matching: what beyond both frames and the rules decided about the answer."""

CONFIGURATION_OF_SIDE: Final = {side: f"configuration/{side}.json" for side in Side}
THRESHOLDS: Final = "configuration/risk.json"
CHECKS: Final = "checks.json"
CONCLUDED_BEFORE: Final = "days_around/concluded_transactions.parquet"
VERSIONED: Final = ("recon-assets", "dagster", "duckdb", "pandera", "pyarrow")


@dataclass(frozen=True, slots=True)
class MatchingInputs:
    """`neighbours` are the files of open records by date, and `concluded_transactions` the frame of the answer before:
    paths below the storage's root here, below the archive folder in a manifest.
    """

    thresholds: RiskThresholds
    newest_date: date | None
    neighbours: dict[date, str]
    concluded_transactions: str | None


def keep_configuration(stage: Stage, config: ProcessorConfig) -> None:
    """Beside the frame. Names of variables stand in it, never their values."""
    (stage.path / CONFIGURATION_FILE).write_text(
        config.model_dump_json(indent=2, exclude_unset=True) + "\n", encoding="utf-8"
    )


def keep_inputs(stage: Stage, thresholds: RiskThresholds, around: DaysAround) -> None:
    """Beside the matching."""
    root = stage.storage.root
    before = around.concluded_transactions
    inputs = MatchingInputs(
        thresholds=thresholds,
        newest_date=around.newest_date,
        neighbours={day: path.relative_to(root).as_posix() for day, path in sorted(around.neighbours.items())},
        concluded_transactions=before.relative_to(root).as_posix() if before else None,
    )
    (stage.path / INPUTS_FILE).write_bytes(msgspec.json.encode(inputs))


def sources_of(stage: Stage, reported: ReportedDay, checks: tuple[ArchivedCheck, ...]) -> dict[str, Path | bytes]:
    """Every file of the evidence by its path in the archive. One that is gone raises when it is copied."""
    root, day = stage.storage.root, reported.day
    sources: dict[str, Path | bytes] = {Path(path).name: root / path for path in day.matching.all()}
    for feed in day.feeds:
        sources |= _of_feed(root, feed)
    inputs = _inputs_of(root, day)
    if inputs is not None:
        sources[THRESHOLDS] = _document(inputs.thresholds)
        sources |= {_open_records_of(other): root / path for other, path in inputs.neighbours.items()}
        if inputs.concluded_transactions:
            sources[CONCLUDED_BEFORE] = root / inputs.concluded_transactions
    sources[CHECKS] = _document(checks)
    for report in reported.all():
        sources[f"report/{Path(report).name}"] = stage.storage.reports / report
    return sources


def _of_feed(root: Path, feed: NormalisedFeed) -> dict[str, Path | bytes]:
    folder = root / feed.frame.folder
    sources: dict[str, Path | bytes] = {
        f"raw_{feed.side}_feed": root / feed.raw.folder,
        feed.frame.file: folder / feed.frame.file,
        f"rejected_{feed.side}.parquet": folder / feed.frame.rejected_file,
    }
    if (folder / CONFIGURATION_FILE).is_file():  # not beside a frame of before there were such files
        sources[CONFIGURATION_OF_SIDE[feed.side]] = folder / CONFIGURATION_FILE
    return sources


def statement_of(
    stage: Stage, day: ReconciledDay, *, previous_day: Link | None, previous_version: Link | None
) -> dict[str, Any]:
    """What the manifest says beside its files."""
    head = stage.record.audit_head()
    inputs = _inputs_of(stage.storage.root, day)
    around = inputs and {
        "newest_date": inputs.newest_date,
        "neighbours": {other.isoformat(): _open_records_of(other) for other in inputs.neighbours},
        "concluded_transactions": CONCLUDED_BEFORE if inputs.concluded_transactions else None,
    }
    return {
        "format": FORMAT,
        "processor": stage.day.processor,
        "business_date": stage.day.business_date,
        "run_id": day.run_id,
        "version": day.version,
        "conclusion": day.conclusion,
        "raw_feeds": [feed.raw for feed in day.feeds],
        "days_around": around,
        "previous_day": _link(previous_day),
        "previous_version": _link(previous_version),
        AUDIT_HEAD: AuditHead(*head) if head else None,
        "engine": "spark" if isinstance(stage.storage.engine, Spark) else "duckdb",
        "versions": _versions(),
    }


@cache
def _versions() -> dict[str, str]:
    """Of this process: looked up in the files of the packages, which takes 3 ms each."""
    return {name: version(name) for name in VERSIONED}


def _link(link: Link | None) -> LinkBefore | None:
    return LinkBefore(link.business_date, str(link.run_id), link.manifest_sha256) if link else None


def _open_records_of(other: date) -> str:
    return f"days_around/open_records_{other.isoformat()}.parquet"


def _inputs_of(root: Path, day: ReconciledDay) -> MatchingInputs | None:
    """None for a matching of before they were kept."""
    path = (root / day.matching.rules).with_name(INPUTS_FILE)
    return msgspec.json.decode(path.read_bytes(), type=MatchingInputs) if path.is_file() else None


def _document(value: Mapping[str, Any] | object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"
