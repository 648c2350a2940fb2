"""Which events the guards would have let through, told from events alone."""

import json

import pytest

from recon_assets.store.audit_findings import Verification
from recon_assets.store.audit_format import AuditEvent
from recon_assets.store.audit_rules import EventsObeyRules

RUN = "reconciliation_runs"
MATCH = "prior_day_matches"
CHECK = "data_quality_checks"
BEGUN = {"id": "r", "status": "running", "is_current": False, "superseded_by": None, "matched_count": None}
ANSWERED = BEGUN | {"status": "completed", "is_current": True, "matched_count": 9_007_199_254_740_993}
ARCHIVED = ANSWERED | {"manifest_sha256": "a" * 64}
PUT_AWAY = ANSWERED | {"is_current": False, "superseded_by": "s"}
LIVE = {"id": "m", "amount_minor": 399, "found_by": "r", "ended_by": None, "ended_at": None}
ENDED = LIVE | {"ended_by": "r", "ended_at": "2025-10-01T00:00:00+00:00"}
OUTCOME = {"id": "c", "run_id": None, "passed": False}


def event(table: str, action: str, old: dict | str | None = None, new: dict | str | None = None) -> AuditEvent:
    old_value, new_value = (
        value if value is None or isinstance(value, str) else json.dumps(value) for value in (old, new)
    )
    return AuditEvent("7", "", "0", "recon", action, table, "1", "r", old_value, new_value, "{}")


def problems(*events: AuditEvent) -> list[str]:
    found, rules = Verification(), EventsObeyRules()
    for each in events:
        rules.look_at(each, found)
    assert {problem.check for problem in found.problems} <= {"rules"}
    return [problem.what for problem in found.problems]


def test_the_life_of_a_run_obeys_the_rules() -> None:
    assert not problems(
        event(RUN, "INSERT", new=BEGUN),
        event("discrepancies", "BULK_INSERT", new={}),
        event("reconciliation_proofs", "BULK_INSERT", new={}),
        event(MATCH, "UPDATE", LIVE, ENDED),
        event(MATCH, "INSERT", new=LIVE),
        event(RUN, "UPDATE", BEGUN, ANSWERED),
        event(CHECK, "INSERT", new=OUTCOME),
        event(CHECK, "UPDATE", OUTCOME, OUTCOME | {"run_id": "r"}),
        event(RUN, "UPDATE", ANSWERED | {"manifest_sha256": None}, ARCHIVED),
        event(RUN, "UPDATE", ANSWERED, PUT_AWAY),
        event("system_configuration", "DELETE", {"id": "x"}),
    )


def test_a_run_may_begin_as_a_failure() -> None:
    assert not problems(event(RUN, "INSERT", new=BEGUN | {"status": "failed"}))


@pytest.mark.parametrize(
    "broken",
    [
        event(RUN, "DELETE", BEGUN),
        event(RUN, "INSERT", new=ANSWERED),
        event(RUN, "INSERT", new=BEGUN | {"is_current": True}),
        event(RUN, "UPDATE", BEGUN, BEGUN | {"id": "other"}),
        event(RUN, "UPDATE", ANSWERED, BEGUN),
        event(RUN, "UPDATE", ANSWERED, ANSWERED | {"is_current": False}),
        event(RUN, "UPDATE", ANSWERED, PUT_AWAY | {"matched_count": 9_007_199_254_740_992}),
        event(RUN, "UPDATE", PUT_AWAY, ANSWERED),
        event(RUN, "UPDATE", ANSWERED, ARCHIVED | {"matched_count": 1}),
        event(RUN, "UPDATE", ARCHIVED, ARCHIVED | {"manifest_sha256": "b" * 64}),
        event(RUN, "UPDATE", ARCHIVED, ANSWERED | {"manifest_sha256": None}),
        event(RUN, "UPDATE", ANSWERED, "[]"),
        event(RUN, "INSERT", new="null"),
        event(CHECK, "UPDATE", OUTCOME, OUTCOME | {"passed": True}),
        event(CHECK, "UPDATE", "[1]", OUTCOME),
        event(CHECK, "DELETE", OUTCOME),
        event(MATCH, "INSERT", new=ENDED),
        event(MATCH, "UPDATE", LIVE, LIVE | {"amount_minor": 4}),
        event(MATCH, "UPDATE", LIVE, ENDED | {"amount_minor": 4}),
        event(MATCH, "UPDATE", ENDED, LIVE),
        event(MATCH, "UPDATE", ENDED, ENDED | {"ended_by": "other"}),
        event(MATCH, "DELETE", LIVE),
        event(MATCH, "INSERT", new="[]"),
        event("discrepancies", "UPDATE", {}, {}),
        event("reconciliation_proofs", "DELETE", {}),
    ],
)
def test_what_no_guard_lets_through_is_a_problem(broken: AuditEvent) -> None:
    assert len(problems(broken)) == 1


@pytest.mark.parametrize(
    "second", [event(RUN, "INSERT", new=BEGUN | {"status": "failed"}), event(RUN, "UPDATE", BEGUN, ANSWERED)]
)
def test_a_run_begins_and_ends_once(second: AuditEvent) -> None:
    first = (event(RUN, "INSERT", new=BEGUN), event(RUN, "UPDATE", BEGUN, ANSWERED))
    assert not problems(*first)
    assert len(problems(*first, second)) == 1


@pytest.mark.parametrize("table", ["discrepancies", "reconciliation_proofs"])
@pytest.mark.parametrize("end", ["completed", "incomplete", "failed", "aborted"])
def test_rows_that_come_after_the_end_of_their_run_are_a_problem(table: str, end: str) -> None:
    begun, ended = event(RUN, "INSERT", new=BEGUN), event(RUN, "UPDATE", BEGUN, BEGUN | {"status": end})
    assert problems(begun, ended, event(table, "BULK_INSERT", new={})) == [
        f"BULK_INSERT in {table}: rows are only added, and only while their run is running"
    ]


@pytest.mark.parametrize("change", [event(MATCH, "INSERT", new=LIVE), event(MATCH, "UPDATE", LIVE, ENDED)])
def test_a_match_across_days_that_comes_or_ends_after_the_answer_is_a_problem(change: AuditEvent) -> None:
    begun, ended = event(RUN, "INSERT", new=BEGUN), event(RUN, "UPDATE", BEGUN, ANSWERED)
    assert problems(begun, ended, change) == ["a match across days was found or ended by a run that had ended"]
