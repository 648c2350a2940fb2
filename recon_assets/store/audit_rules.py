"""Events that the guards of the record would have refused: who switched a guard off and left the audit on is seen here.

Such an event is true, and its row is as it says, so neither the chain nor the rows show it. The rules are those of
migrations 0002, 0020 and 0021, read from each event alone. Not here: whether rows are as their events say
(`audit_rows`), nor whether an event's old value is the new one of the event before it.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from recon_assets.store.audit_findings import Problem, Verification
from recon_assets.store.audit_format import AuditEvent

CHECK: Final = "rules"
RUNS: Final = "reconciliation_runs"
CHECKS: Final = "data_quality_checks"
MATCHES_ACROSS_DAYS: Final = "prior_day_matches"
ROWS_OF_RUNS: Final = ("discrepancies", "discrepancy_events", "matches", "reconciliation_proofs")
_CHANGES_WHEN_SUPERSEDED: Final = frozenset({"is_current", "superseded_by", "superseded_at"})
_CHANGES_WHEN_ARCHIVED: Final = frozenset({"manifest_sha256"})
_CHANGES_WHEN_ENDED: Final = frozenset({"ended_by", "ended_at"})
_BEGINS: Final = frozenset({"running", "failed"})


class _Run(msgspec.Struct):
    id: str
    status: str = ""
    is_current: bool = False
    superseded_by: str | None = None
    manifest_sha256: str | None = None


class _Match(msgspec.Struct):
    ended_by: str | None = None


_match: Final = msgspec.json.Decoder(_Match)
_run: Final = msgspec.json.Decoder(_Run)
_row: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(slots=True)
class EventsObeyRules:
    """Looks at events in their order, while they stream by. Memory grows with the runs."""

    begun: set[str | None] = field(default_factory=set)
    ended: set[str | None] = field(default_factory=set)
    """Runs that gave their answer, or never will."""

    def look_at(self, event: AuditEvent, found: Verification) -> None:
        """Add a problem when no guard would have let this through."""
        if event.table_name not in {RUNS, CHECKS, MATCHES_ACROSS_DAYS, *ROWS_OF_RUNS}:
            return
        found.checked[CHECK] += 1
        try:
            what = self._problem(event)
        except (ValueError, TypeError):
            what = "its values are not those of a row"
        if what:
            found.problems.append(Problem(CHECK, what, event_seq=int(event.seq), run_id=event.run_id))

    def _problem(self, event: AuditEvent) -> str | None:
        if event.table_name == RUNS:
            return self._problem_of_run(event)
        if event.table_name == CHECKS:
            return _problem_of_check(event)
        if event.table_name == MATCHES_ACROSS_DAYS:
            return self._problem_of_match(event)
        if event.action != "BULK_INSERT" or event.run_id in self.ended:
            return f"{event.action} in {event.table_name}: rows are only added, and only while their run is running"
        return None

    def _problem_of_run(self, event: AuditEvent) -> str | None:
        if event.action not in {"INSERT", "UPDATE"}:
            return f"{event.action} of a run"
        new = _run.decode(event.new_value or "{}")
        had_ended, known = new.id in self.ended, new.id in self.begun
        self.begun.add(new.id)
        if new.status != "running":
            self.ended.add(new.id)
        if event.action == "INSERT":
            return (
                None
                if new.status in _BEGINS and not new.is_current and not known
                else "a run begins with an answer, or twice"
            )
        old = _run.decode(event.old_value or "{}")
        if old.status == "running":
            return (
                None if new.status != "running" and not had_ended else "a run was changed while it ran, or ended twice"
            )
        archived = old.manifest_sha256 is None and new.manifest_sha256 is not None
        if archived and _changed(event) <= _CHANGES_WHEN_ARCHIVED:
            return None
        superseded = new.superseded_by is not None and not new.is_current
        if superseded and _changed(event) <= _CHANGES_WHEN_SUPERSEDED:
            return None
        return "a run was changed after it had ended"

    def _problem_of_match(self, event: AuditEvent) -> str | None:
        old, new = (_match.decode(text or "{}") for text in (event.old_value, event.new_value))
        if event.run_id in self.ended:
            return "a match across days was found or ended by a run that had ended"
        if event.action == "INSERT":
            return None if new.ended_by is None else "a match across days begins as ended"
        ended = event.action == "UPDATE" and old.ended_by is None and new.ended_by is not None
        if ended and _changed(event) <= _CHANGES_WHEN_ENDED:
            return None
        return f"{event.action} of a match across days that does not end it"


def _problem_of_check(event: AuditEvent) -> str | None:
    linked = event.action == "UPDATE" and _changed(event) <= {"run_id"}
    return None if event.action == "INSERT" or linked else f"{event.action} of the outcome of a check"


def _changed(event: AuditEvent) -> set[str]:
    """Names of the columns. Values are compared as they are written: jsonb writes equal ones alike."""
    old, new = (
        {name: bytes(value) for name, value in _row.decode(text or "{}").items()}
        for text in (event.old_value, event.new_value)
    )
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
