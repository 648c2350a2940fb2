"""Which processor-days of a range are to be run, and why: what is missing, or was made from what is another by now.

What belongs here: comparing the record and the files of its answers with today's configuration and places. Nothing is
run or changed here, and no feed is fetched: of a feed by an API only a run can say whether it changed.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.domain.errors import ReconError

if TYPE_CHECKING:
    from recon_assets.assets.handles import ReconciledDay
    from recon_assets.configuration import Configuration, ProcessorConfig
    from recon_assets.resources.feeds import Feeds
    from recon_assets.resources.storage import Storage
    from recon_assets.store.standing import StandingDay

NEVER_RUN: Final = "never run"
NO_CONCLUSION: Final = "without a conclusion"
ATTEMPT_FAILED: Final = "whose newest attempt failed"
NOT_ARCHIVED: Final = "not archived"
OTHER_RULES: Final = "by other rules"
OTHER_CONFIGURATION: Final = "by another configuration"
OTHER_FILES: Final = "with new files"
FORCED: Final = "forced"

_OF_NO_ANSWER: Final = ("title", "owner", "start_date", "late_records")
"""Of a processor's configuration. To begin earlier is what backfills are for: it changes no day that has an answer."""

_OF_NO_FEED: Final = ("late_files",)


@dataclass(frozen=True, slots=True)
class DayToRun:
    """A processor-day, and why it is run: one of the phrases of this module."""

    processor: str
    business_date: date
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The days to run, oldest first, how many are proven already, and whose files could not be looked at, and why."""

    to_run: tuple[DayToRun, ...]
    proven: int
    not_looked_at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Where answers and what they were made from are read."""

    configuration: "Configuration"
    storage: "Storage"
    feeds: "Feeds"

    def plan(self, names: Sequence[str], days: Sequence[date], standing: "dict[tuple[date, str], StandingDay]") -> Plan:
        """What is missing or changed of these processors' days. A place that does not answer stops nothing."""
        why: dict[tuple[date, str], str] = {}
        not_looked_at = []
        for name in names:
            made_from: dict[date, ReconciledDay] = {}
            version = self.configuration.matching_rules(name).version
            for day in days:
                reason = _by_the_record(standing.get((day, name)), version)
                answer = None if reason else self._made_from(standing[day, name])
                if answer is not None:
                    made_from[day] = answer
                    reason = self._by_its_files(self.configuration.processors[name], answer)
                if reason:
                    why[day, name] = reason
            try:
                changed = self._with_new_files(self.configuration.processors[name], made_from)
            except ReconError as error:
                not_looked_at.append(f"{name}'s files can't be looked at: {error}")
            else:
                why |= {(day, name): OTHER_FILES for day in changed if (day, name) not in why}
        to_run = tuple(DayToRun(name, day, why[day, name]) for day in days for name in names if (day, name) in why)
        return Plan(to_run, proven=len(names) * len(days) - len(to_run), not_looked_at=tuple(not_looked_at))

    def _made_from(self, day: "StandingDay") -> "ReconciledDay | None":
        """What the standing answer was made from; None where the storage does not have it, or has another attempt's."""
        from recon_assets.assets.handles import ReconciledDay

        found = self.storage.latest_handle(
            ReconciledDay, processor=day.processor, day=day.business_date.isoformat(), stage="discrepancies"
        )
        return found if found is not None and found.run_id == str(day.run_id) else None

    def _by_its_files(self, config: "ProcessorConfig", answer: "ReconciledDay") -> str | None:
        from recon_assets.assets.evidence import CONFIGURATION_FILE

        today = _of_the_answer(json.loads(config.model_dump_json(exclude_unset=True)))
        for feed in answer.feeds:
            said = _document(self.storage.root / feed.frame.folder / CONFIGURATION_FILE)
            if said is not None and _of_the_answer(said) != today:
                return OTHER_CONFIGURATION
        return None

    def _with_new_files(self, config: "ProcessorConfig", made_from: "dict[date, ReconciledDay]") -> set[date]:
        """Days that have a file by now, on either side, that their answer did not use. Raises what a place raises."""
        from recon_assets.automation.late_files import feeds_by_files
        from recon_assets.feeds.files.adapter import FilesAdapter
        from recon_assets.feeds.files.late import late_by_day
        from recon_assets.processors.paypal.settlement_adapter import PayPalSettlementAdapter

        changed: set[date] = set()
        for side in feeds_by_files(config) if made_from else ():
            adapter = self.feeds.adapter(config, side)
            assert isinstance(adapter, FilesAdapter | PayPalSettlementAdapter), "files are read as files"
            used = {
                day: [file for feed in answer.feeds if feed.side is side for file in feed.raw.files]
                for day, answer in made_from.items()
            }
            changed |= set(late_by_day(adapter, used))
        return changed


def everything(names: Sequence[str], days: Sequence[date]) -> Plan:
    """The plan that asks for every day, whatever stands."""
    to_run = tuple(DayToRun(name, day, FORCED) for day in days for name in names)
    return Plan(to_run, proven=0, not_looked_at=())


def days_between(since: date, until: date) -> list[date]:
    """Every date from `since` to `until`, both included."""
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]


def counted(words: Iterable[str], tell: Callable[[str, int], str]) -> str:
    """How often each word comes, in the order in which they come first."""
    every = list(words)
    return ", ".join(tell(word, every.count(word)) for word in dict.fromkeys(every))


def _by_the_record(day: "StandingDay | None", rule_version: str) -> str | None:
    if day is None:
        return NEVER_RUN
    if not day.is_concluded:
        return NO_CONCLUSION
    if day.newest_status not in {"completed", "unchanged"}:
        return ATTEMPT_FAILED
    if not day.is_archived:
        return NOT_ARCHIVED
    return OTHER_RULES if day.rule_version != rule_version else None


def _document(path: Path) -> dict[str, Any] | None:
    """None where it is gone, or the answer is of before there were such files."""
    return json.loads(path.read_bytes()) if path.is_file() else None


def _of_the_answer(configuration: dict[str, Any]) -> dict[str, Any]:
    """What of a processor's configuration decides about an answer."""
    return {
        name: {part: value for part, value in said.items() if part not in _OF_NO_FEED}
        if isinstance(said, dict)
        else said
        for name, said in configuration.items()
        if name not in _OF_NO_ANSWER
    }
