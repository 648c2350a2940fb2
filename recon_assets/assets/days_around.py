"""What the matching of a day takes from the days around it, and what it leaves for them: files named as evidence.

Not here: matching (`matching`), and what the record knows of other days (`store.days`).
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recon_assets.assets.handles import NormalisedFeed
from recon_assets.assets.stage import Stage
from recon_assets.matching.rules import MatchingRules
from recon_assets.store.days import (
    OPEN_RECORDS,
    OPEN_RECORDS_SHA256,
    concluded_evidence,
    newest_concluded_date,
    open_files_between,
)
from recon_assets.store.tenancy import TenantConnection

if TYPE_CHECKING:
    from recon_assets.matching.engine import Matching
    from recon_assets.store.across_days import AcrossDays

TRANSACTIONS: Final = "transactions"
TRANSACTIONS_SHA256: Final = "transactions_sha256"
LEDGER_ENTRIES: Final = "ledger_entries"
LEDGER_ENTRIES_SHA256: Final = "ledger_entries_sha256"
MATCHING_FOLDER: Final = "matching"
RULES: Final = "rules"
RULES_FILE: Final = "rules.json"


@dataclass(frozen=True, slots=True)
class DaysAround:
    """`neighbours` are files of open records by date; `unknown` are the dates whose file is gone or was changed.

    `concluded_transactions` is the processor's frame of the concluded answer before, if that was another one.
    """

    newest_date: date | None
    neighbours: dict[date, Path]
    unknown: tuple[date, ...]
    concluded_transactions: Path | None


def days_around(
    connection: TenantConnection, stage: Stage, rules: MatchingRules, transactions: NormalisedFeed
) -> DaysAround:
    """Look them up where they are official. The caller holds the processor, so that nothing changes meanwhile."""
    from recon_assets.matching.across_days import days_needed

    processor, business_date = stage.day.processor, stage.day.business_date
    since, until = days_needed(business_date, rules)
    neighbours: dict[date, Path] = {}
    unknown: list[date] = []
    for file in open_files_between(connection, processor, since, until):
        path = stage.storage.root / file.path
        if file.business_date == business_date:
            continue
        if path.is_file() and _sha256(path) == file.sha256:
            neighbours[file.business_date] = path
        else:
            unknown.append(file.business_date)
    before = concluded_evidence(connection, processor, business_date)
    frame = stage.storage.root / before.get(TRANSACTIONS, "")
    is_another = before.get(TRANSACTIONS_SHA256) not in {None, transactions.frame.sha256} and frame.is_file()
    return DaysAround(
        newest_date=newest_concluded_date(connection, processor),
        neighbours=neighbours,
        unknown=tuple(unknown),
        concluded_transactions=frame if is_another else None,
    )


def across_days_of(matching: "Matching", rules: MatchingRules, business_date: date) -> "AcrossDays":
    """What is published of the matches across days; without a conclusion the day has no part in them."""
    from recon_assets.matching.across_days import chained_window
    from recon_assets.store.across_days import AcrossDays

    since, until = chained_window(business_date, rules)
    return AcrossDays(matching.across_days, since=since, until=until)


def evidence_of(
    stage: Stage, matching: "Matching", transactions: NormalisedFeed, ledger_entries: NormalisedFeed
) -> dict[str, str]:
    """Where the files are that other days, `recon explain` and `recon simulate` read; below the storage root."""
    evidence = {
        TRANSACTIONS: f"{transactions.frame.folder}/{transactions.frame.file}",
        TRANSACTIONS_SHA256: transactions.frame.sha256,
        LEDGER_ENTRIES: f"{ledger_entries.frame.folder}/{ledger_entries.frame.file}",
        LEDGER_ENTRIES_SHA256: ledger_entries.frame.sha256,
        MATCHING_FOLDER: stage.folder,
        RULES: f"{stage.folder}/{RULES_FILE}",
    }
    if matching.open_records is not None:
        evidence[OPEN_RECORDS] = matching.open_records.relative_to(stage.storage.root).as_posix()
        evidence[OPEN_RECORDS_SHA256] = _sha256(matching.open_records)
    return evidence


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
