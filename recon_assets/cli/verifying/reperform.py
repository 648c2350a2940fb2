"""An archived day performed again: raw bytes to frames to discrepancies to conclusion, each against what is archived.

Everything comes from the evidence folder; what is made lies in a temporary folder. Not here: hashes and chain
(`recon_assets.archive.files`), and what people see (`verify`).
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from recon_assets.archive.files import Finding, is_inside
from recon_assets.archive.manifest import MANIFEST, ArchivedFile, Manifest
from recon_assets.cli.verifying.archived_feeds import ArchivedFeed, configuration_in, normalised
from recon_assets.cli.verifying.compare import compared
from recon_assets.domain.errors import ArchiveUnreadable, ReconError
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon_assets.domain.conclusion import Conclusion
    from recon_assets.domain.verdict import FeedState
    from recon_assets.feeds.frame import Frame
    from recon_assets.feeds.raw import RawFeed
    from recon_assets.matching.rules import MatchingRules

RULES: Final = "rules.json"
_OLDER: Final = "It was archived by an earlier version of this program, which kept less."


@dataclass(slots=True)
class Performed:
    """What came of it. `conclusion` is None when it did not get that far, and then a finding says why."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    conclusion: "Conclusion | None" = None


@dataclass(frozen=True, slots=True)
class _Around:
    newest_date: date | None
    neighbours: dict[date, str]
    concluded_transactions: str | None


@dataclass(frozen=True, slots=True)
class _Day:
    """An archived day as its manifest describes it."""

    folder: Path
    files: "Mapping[str, ArchivedFile]"
    processor: str
    business_date: date
    raw: "tuple[RawFeed, RawFeed]"
    around: _Around
    conclusion: Any

    def path(self, name: str) -> Path:
        """Raises `ArchiveUnreadable` for a file that is not in the manifest, or not there."""
        path = self.folder / name
        if not is_inside(name) or name not in self.files or not path.is_file():
            raise ArchiveUnreadable("a file that is needed is not there", where=name, remedy=_OLDER)
        return path


def perform_again(folder: Path, manifest: Manifest, *, into: Path, memory_limit: str) -> Performed:
    """Never raises for what the folder holds: a day that can't be performed again is a finding."""
    import duckdb
    import pyarrow as pa

    performed = Performed()
    try:
        _perform(_day(folder, manifest), performed, into=into, memory_limit=memory_limit)
    except ReconError as error:
        performed.findings.append(Finding(error.where, f"{error.what}: the day can't be performed again"))
    except (duckdb.Error, pa.ArrowException, msgspec.MsgspecError, ValueError, EOFError, OSError) as error:
        what = f"the day can't be performed again ({type(error).__name__})"
        performed.findings.append(Finding(MANIFEST, what))
    return performed


def _perform(day: _Day, performed: Performed, *, into: Path, memory_limit: str) -> None:
    from recon_assets.schemas.frames import FRAME_FILE_OF_SIDE

    processor, ledger = (
        ArchivedFeed(raw, day.folder / f"raw_{raw.side}_feed", day.path(f"configuration/{raw.side}.json"))
        for raw in day.raw
    )
    for feed in (processor, ledger):
        for file in feed.raw.files:
            day.path(f"raw_{feed.side}_feed/{file.name}")
    frames = normalised((processor, ledger), day.business_date, into)
    for side, frame in frames.items():
        made = into / frame.folder
        _compare(day, performed, FRAME_FILE_OF_SIDE[side], made / frame.file)
        _compare(day, performed, f"rejected_{side}.parquet", made / frame.rejected_file)
    performed.conclusion = _matched(day, performed, frames, into=into, memory_limit=memory_limit)
    _compare_conclusion(day, performed, performed.conclusion)


def _matched(
    day: _Day, performed: Performed, frames: "Mapping[Side, Frame]", *, into: Path, memory_limit: str
) -> "Conclusion":
    from recon_assets.domain.verdict import completeness_reasons
    from recon_assets.matching.causes import DiagnosedDay, find_causes
    from recon_assets.matching.conclude import conclude_day
    from recon_assets.matching.engine import Day, match_day
    from recon_assets.matching.runner import DuckDB

    processor, ledger = (_state(raw, frames[raw.side]) for raw in day.raw)
    before = day.around.concluded_transactions
    rules = _rules(day, performed)
    config = configuration_in(day.path(f"configuration/{Side.PROCESSOR}.json"))
    transactions, ledger_entries = (into / frames[side].folder / frames[side].file for side in Side)
    matching = match_day(
        Day(
            processor=day.processor,
            business_date=day.business_date,
            transactions=transactions,
            ledger_entries=ledger_entries,
            complete=not completeness_reasons(processor=processor, ledger=ledger, proofs=()),
            newest_date=day.around.newest_date,
            concluded_transactions=day.path(before) if before else None,
            neighbours={other: day.path(name) for other, name in day.around.neighbours.items()},
        ),
        rules,
        into=into / "matching",
        engine=DuckDB(memory_limit),
    )
    for made in (
        matching.discrepancies,
        matching.matches,
        matching.candidates,
        matching.across_days,
        matching.open_records,
    ):
        if made is not None:
            _compare(day, performed, made.name, made)
    return conclude_day(
        processor=day.processor,
        business_date=day.business_date,
        matching=matching,
        feeds=(processor, ledger),
        thresholds=_thresholds(day),
        causes=find_causes(
            matching,
            DiagnosedDay(
                business_day=config.business_day(day.business_date),
                time_zone=config.time_zone,
                transactions=transactions,
                ledger_entries=ledger_entries,
            ),
            memory_limit=memory_limit,
        ),
    )


def _state(raw: "RawFeed", frame: "Frame") -> "FeedState":
    from recon_assets.assets.handles import NormalisedFeed

    return NormalisedFeed(raw=raw, frame=frame).state()


def _compare(day: _Day, performed: Performed, name: str, made: Path) -> None:
    findings, note = compared(day.folder / name, made, day.files.get(name), name=name)
    performed.findings += findings
    performed.notes += [note] if note else []


def _compare_conclusion(day: _Day, performed: Performed, conclusion: "Conclusion") -> None:
    again: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(conclusion))
    if not isinstance(day.conclusion, dict):
        performed.findings.append(Finding(MANIFEST, "has no conclusion"))
        return
    for name in sorted(again.keys() | day.conclusion.keys()):
        if again.get(name) != day.conclusion.get(name):
            what = f"says {name} {_short(day.conclusion.get(name))}; performed again it is {_short(again.get(name))}"
            performed.findings.append(Finding(MANIFEST, what))


def _rules(day: _Day, performed: Performed) -> "MatchingRules":
    from pydantic import ValidationError

    from recon_assets.matching.rules import MatchingRules

    try:
        rules = MatchingRules.model_validate_json(day.path(RULES).read_bytes())
    except ValidationError:
        raise ArchiveUnreadable(
            "the archived rules can't be read", where=RULES, remedy="Restore the folder from a copy."
        ) from None
    said = day.conclusion.get("rule_version") if isinstance(day.conclusion, dict) else None
    if rules.version != said:
        performed.findings.append(Finding(RULES, "are not the rules of the conclusion: their version is another one"))
    return rules


def _thresholds(day: _Day) -> Any:
    from recon_assets.domain.risk import RiskThresholds

    path = day.path("configuration/risk.json")
    try:
        return msgspec.json.decode(path.read_bytes(), type=RiskThresholds)
    except msgspec.DecodeError:
        raise ArchiveUnreadable(
            "the archived thresholds of risk can't be read",
            where="configuration/risk.json",
            remedy="Restore the folder from a copy.",
        ) from None


def _day(folder: Path, manifest: Manifest) -> _Day:
    from recon_assets.feeds.raw import RawFeed

    around: _Around | None = manifest.said("days_around", _Around | None)
    raw: tuple[RawFeed, RawFeed] | None = manifest.said("raw_feeds", tuple[RawFeed, RawFeed])
    processor, business_date = manifest.said("processor", str), manifest.said("business_date", date)
    if around is None or raw is None or processor is None or business_date is None:
        raise ArchiveUnreadable("the manifest does not say what decided about the day", where=MANIFEST, remedy=_OLDER)
    if [one.side for one in raw] != [Side.PROCESSOR, Side.LEDGER]:
        raise ArchiveUnreadable("the manifest does not name one raw feed of each side", where=MANIFEST, remedy=_OLDER)
    return _Day(
        folder=folder,
        files={file.path: file for file in manifest.files},
        processor=processor,
        business_date=business_date,
        raw=raw,
        around=around,
        conclusion=manifest.statement.get("conclusion"),
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
