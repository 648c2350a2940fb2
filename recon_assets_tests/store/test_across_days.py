"""Matches between records of different days: what is live, what it does to the discrepancies of both days, refusals."""

from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.errors import StoreRefused
from recon_assets.store.publication import PublishedRun
from recon_assets_tests.store.builders import (
    DAY,
    OTHER_RULES,
    RULES,
    across,
    begin,
    conclusion,
    in_ledger,
    matched_with,
    missing,
    of_class,
    pair,
    publish,
)

NEXT = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=2)
X = missing("x")
Y = in_ledger("x")
Z = in_ledger("z")
FOUND = [pair(X, DAY, Y, NEXT)]
NAMES = {row["discrepancy_id"]: name for name, row in {"X": X, "Y": Y, "Z": Z}.items()}

Rows = list[dict[str, object]]


class Days:
    """Publishes days with their matches, each time with the same inputs unless they are named."""

    def __init__(self, connection: psycopg.Connection, folder: Path) -> None:
        self.connection, self.folder, self.attempts = connection, folder, 0

    def publish(
        self,
        day: date,
        rows: Rows,
        pairs: Rows | None = None,
        *,
        reasons: tuple[str, ...] = (),
        rule_version: str = RULES,
        days: int = 3,
    ) -> PublishedRun:
        self.attempts += 1
        return publish(
            self.connection,
            self.folder,
            key=str(self.attempts),
            rows=rows,
            answer=conclusion(rows, day=day, reasons=reasons, rule_version=rule_version),
            across_days=None if reasons else across(self.folder, pairs or [], days=days),
            inputs="same",
        )

    def rows(self, statement: str) -> list[tuple]:
        with self.connection.transaction():
            return self.connection.execute(statement.encode()).fetchall()

    def live(self) -> list[tuple[str, str]]:
        found = self.rows(
            "SELECT processor_discrepancy_id, ledger_discrepancy_id FROM prior_day_matches WHERE ended_by IS NULL"
        )
        return sorted((NAMES[str(left)], NAMES[str(right)]) for left, right in found)

    def events(self, run: PublishedRun) -> list[tuple[str, str, str | None, str | None]]:
        """Record, event, and its class before and after."""
        with self.connection.transaction():
            found = self.connection.execute(
                """
                SELECT discrepancy_id, event, old_value ->> 'class', new_value ->> 'class' FROM discrepancy_events
                WHERE run_id = %s
                """,
                [run.run_id],
            ).fetchall()
        return sorted((NAMES[str(record)], *event) for record, *event in found)

    def open(self) -> list[tuple[str, str]]:
        """Record and class of what `v_open_discrepancies` shows; `v_open_items` shows the same records."""
        found = self.rows("SELECT discrepancy_id, class FROM v_open_discrepancies")
        items = self.rows("SELECT discrepancy_id, class FROM v_open_items")
        assert sorted(map(str, found)) == sorted(map(str, items))
        ends = self.rows("SELECT open_at_end FROM v_open_item_movements ORDER BY business_date DESC LIMIT 1")
        assert ends == [(len(items),)], "opened and resolved of all days explain what is open"
        return sorted((NAMES[str(record)], kind) for record, kind in found)


@pytest.fixture
def days(connection, tmp_path: Path) -> Days:
    return Days(connection, tmp_path)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_in_either_order_of_the_days_the_later_run_resolves_the_earlier_ones_discrepancy(
    days: Days, is_reversed: bool
) -> None:
    alone = [(DAY, X, "X"), (NEXT, Y, "Y")]
    (first_day, first, name), (second_day, second, _) = reversed(alone) if is_reversed else alone
    kind = first["class"]
    opened = days.publish(first_day, [first])
    assert (days.open(), days.events(opened)) == ([(name, kind)], [])

    matching = days.publish(second_day, [matched_with(second, first_day)], FOUND)
    assert days.live() == [("X", "Y")]
    assert days.events(matching) == [(name, "resolved", kind, None)]
    assert days.open() == days.rows("SELECT transaction_id FROM missing_transactions") == []

    again = days.publish(first_day, [matched_with(first, second_day)], FOUND)
    assert (again.version, days.events(again)) == (2, []), "its answer says what is so already"
    assert days.rows("SELECT count(*) FROM prior_day_matches") == [(1,)], "an equal match is kept"
    for day, row, other in ((first_day, first, second_day), (second_day, second, first_day)):
        assert days.publish(day, [matched_with(row, other)], FOUND).unchanged


def test_a_record_that_changes_ends_the_match_and_reopens_the_other_days_discrepancy(days: Days) -> None:
    days.publish(DAY, [X])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    restated = missing("x", 400)
    changed = days.publish(DAY, [restated])
    assert days.live() == []
    assert days.events(changed) == [
        ("X", "reopened", None, "missing_in_ledger"),
        ("Y", "reopened", None, "missing_at_processor"),
    ]
    assert days.open() == [("X", "missing_in_ledger"), ("Y", "missing_at_processor")]
    again = days.publish(NEXT, [Y])
    assert (again.superseded is not None, days.events(again)) == (True, [])


def test_a_match_that_gives_way_to_another_reopens_only_who_lost_his(days: Days) -> None:
    days.publish(DAY, [X])
    days.publish(LATER, [matched_with(Y, DAY)], [pair(X, DAY, Y, LATER)])
    between = days.publish(NEXT, [matched_with(Z, DAY)], [pair(X, DAY, Z, NEXT)])
    assert days.live() == [("X", "Z")]
    assert days.events(between) == [("Y", "reopened", None, "missing_at_processor")]
    assert days.open() == [("Y", "missing_at_processor")]
    assert days.rows(
        "SELECT ended_by = (SELECT id FROM reconciliation_runs WHERE run_date = '2025-10-01') FROM prior_day_matches "
        "WHERE ended_by IS NOT NULL"
    ) == [(True,)]


@pytest.mark.parametrize("is_found_again", [True, False])
def test_an_incomplete_day_has_no_matches_and_the_next_conclusion_goes_on_from_the_last(
    days: Days, is_found_again: bool
) -> None:
    days.publish(DAY, [X])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    short = days.publish(DAY, [], reasons=("it came short",))
    assert days.live() == []
    assert days.events(short) == [("Y", "reopened", None, "missing_at_processor")]
    assert days.open() == [("Y", "missing_at_processor")]
    if is_found_again:
        concluded = days.publish(DAY, [matched_with(X, NEXT)], FOUND)
        assert days.events(concluded) == [("Y", "resolved", "missing_at_processor", None)]
        assert (days.live(), days.open()) == ([("X", "Y")], [])
    else:
        concluded = days.publish(DAY, [X])
        assert days.events(concluded) == [("X", "reopened", None, "missing_in_ledger")]


def test_the_same_rows_with_other_matches_are_a_new_answer(days: Days) -> None:
    days.publish(DAY, [X])
    days.publish(LATER, [Y])
    days.publish(NEXT, [])
    assert days.publish(NEXT, []).unchanged
    with pytest.raises(StoreRefused, match="answer_says_what_other_days_matched"):
        days.publish(DAY, [X], [pair(X, DAY, Y, LATER)])
    between = days.publish(NEXT, [], [pair(X, DAY, Y, LATER)])
    assert (between.unchanged, between.version, days.live()) == (False, 3, [("X", "Y")])
    assert days.events(between) == [
        ("X", "resolved", "missing_in_ledger", None),
        ("Y", "resolved", "missing_at_processor", None),
    ]


def test_a_narrower_window_ends_what_lies_beyond_it(days: Days) -> None:
    days.publish(DAY, [X])
    days.publish(LATER, [matched_with(Y, DAY)], [pair(X, DAY, Y, LATER)])
    days.publish(DAY, [X], [], days=1)
    assert days.live() == []


def test_an_equal_match_keeps_the_rules_that_found_it(days: Days) -> None:
    days.publish(DAY, [X])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND, rule_version=OTHER_RULES)
    assert days.rows("SELECT rule_version FROM prior_day_matches") == [(RULES,)]


def test_a_record_that_waits_is_resolved_and_reopened_as_what_it_was(days: Days) -> None:
    waiting = of_class(Y, DiscrepancyClass.PENDING_AT_PROCESSOR, due_on=LATER)
    days.publish(NEXT, [waiting])
    found = days.publish(DAY, [matched_with(X, NEXT)], FOUND)
    assert days.events(found) == [("Y", "resolved", "pending_at_processor", None)]
    lost = days.publish(DAY, [X])
    assert ("Y", "reopened", None, "pending_at_processor") in days.events(lost)


def test_a_record_is_overdue_when_the_processor_has_a_concluded_day_from_its_due_date_on(days: Days) -> None:
    waiting = of_class(Y, DiscrepancyClass.PENDING_AT_PROCESSOR, due_on=LATER)
    state = "SELECT class, due_on, is_overdue FROM v_open_items"
    days.publish(DAY, [waiting])
    days.publish(NEXT, [])
    assert days.rows(state) == [("pending_at_processor", LATER, False)]
    assert days.rows("SELECT 1 FROM v_open_discrepancies") == []
    days.publish(LATER, [], reasons=("it came short",))
    assert days.rows(state) == [("pending_at_processor", LATER, False)]
    days.publish(LATER, [])
    assert days.rows(state) == [("missing_at_processor", LATER, True)]
    assert days.rows("SELECT class, due_on, is_overdue, priority FROM v_open_discrepancies") == [
        ("missing_at_processor", LATER, True, 1)
    ]


def test_movements_say_day_by_day_what_opened_and_what_was_resolved(days: Days) -> None:
    days.publish(DAY, [X, missing("w")])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    days.publish(LATER, [Z], FOUND)
    movements = "SELECT opened, resolved, reopened, open_at_end FROM v_open_item_movements ORDER BY business_date"
    assert days.rows(movements) == [(2, 0, 0, 2), (1, 2, 0, 1), (1, 0, 0, 2)]
    days.publish(DAY, [missing("x", 400), missing("w")])
    assert days.rows(movements) == [(2, 0, 2, 2), (1, 0, 0, 3), (1, 0, 0, 4)]


def test_the_same_id_on_two_days_has_an_event_on_each(days: Days) -> None:
    """A processor that uses an id again: the record of each day is another one."""
    days.publish(DAY, [X])
    days.publish(NEXT, [X])
    both = days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    assert days.events(both) == [("X", "resolved", "missing_in_ledger", None)] * 2
    assert days.rows("SELECT business_date FROM discrepancy_events ORDER BY 1") == [(DAY,), (NEXT,)]


@pytest.mark.parametrize(
    ("pairs", "rule"),
    [
        ([*FOUND, pair(X, DAY, Z, NEXT)], "one_match_of_a_transaction"),
        ([*FOUND, pair(missing("w"), DAY, Y, NEXT)], "one_match_of_a_ledger_entry"),
    ],
)
def test_the_database_refuses_a_second_match_of_a_record(days: Days, pairs: Rows, rule: str) -> None:
    days.publish(DAY, [X, missing("w")])
    with pytest.raises(StoreRefused, match=rule):
        days.publish(NEXT, [matched_with(Y, DAY), matched_with(Z, DAY)], pairs)
    assert days.live() == []


AMBIGUOUS = of_class(X, DiscrepancyClass.AMBIGUOUS)


@pytest.mark.parametrize(
    ("before", "pairs"),
    [
        ([missing("x", 400)], FOUND),
        ([missing("x", currency="EUR")], FOUND),
        ([X], [pair(X, DAY, Y, NEXT, amount_minor=1)]),
        ([X], [pair(X, DAY, Y, NEXT, currency="EUR")]),
        ([missing("other")], FOUND),
        ([], FOUND),
        ([AMBIGUOUS], FOUND),
        (None, FOUND),
        ("incomplete", FOUND),
        ([X], [pair(X, DAY, Z, NEXT)]),
        ([X], [pair(X, DAY, Y, LATER)]),
    ],
)
def test_the_database_refuses_a_match_of_what_an_answer_does_not_leave_alone(days: Days, before, pairs: Rows) -> None:
    if before == "incomplete":
        days.publish(DAY, [X], reasons=("it came short",))
    elif before is not None:
        days.publish(DAY, before)
    with pytest.raises(StoreRefused, match="matches_what_is_alone"):
        days.publish(NEXT, [matched_with(Y, DAY)], pairs)


@pytest.mark.parametrize(
    ("rows", "pairs"),
    [
        ([Y], FOUND),
        ([matched_with(Y, LATER)], FOUND),
        ([matched_with(Y, DAY)], []),
        ([matched_with(Y, DAY), matched_with(Z, DAY)], FOUND),
    ],
)
def test_the_database_refuses_an_answer_that_says_otherwise_than_its_matches(
    days: Days, rows: Rows, pairs: Rows
) -> None:
    days.publish(DAY, [X])
    with pytest.raises(StoreRefused, match="answer_says_what_other_days_matched"):
        days.publish(NEXT, rows, pairs)
    assert days.live() == []


def test_an_incomplete_answer_can_not_speak_of_a_match(days: Days) -> None:
    days.publish(DAY, [X])
    with pytest.raises(StoreRefused, match="answer_says_what_other_days_matched"):
        days.publish(NEXT, [matched_with(Y, DAY)], reasons=("it came short",))


def test_a_match_beyond_the_days_of_the_file_is_refused(days: Days) -> None:
    days.publish(DAY, [X])
    with pytest.raises(StoreRefused, match=r"lies beyond the days .*across_days.parquet"):
        days.publish(NEXT, [matched_with(Y, DAY)], [pair(X, DAY, Y, NEXT), pair(X, DAY, Z, DAY + timedelta(days=4))])


FIND = """
    INSERT INTO prior_day_matches (
        processor_name, processor_date, processor_discrepancy_id, ledger_date, ledger_discrepancy_id, currency,
        amount_minor, pass, rule_version, found_by
    ) SELECT processor_name, processor_date, processor_discrepancy_id, ledger_date, ledger_discrepancy_id, currency,
        amount_minor, pass, rule_version, {run} FROM prior_day_matches
"""
ALL_ALLOWED = "DROP INDEX one_match_of_a_transaction, one_match_of_a_ledger_entry"
END = "UPDATE prior_day_matches SET ended_by = {run}, ended_at = now()"
RUNNING = "(SELECT id FROM reconciliation_runs WHERE status = 'running')"
ANSWERED = "(SELECT id FROM reconciliation_runs WHERE run_date = '2025-09-30' AND status = 'completed')"


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("DELETE FROM prior_day_matches", "append-only"),
        ("TRUNCATE prior_day_matches", "append-only"),
        ("UPDATE prior_day_matches SET amount_minor = 1", "illegal change of the match"),
        ("UPDATE prior_day_matches SET tenant_id = gen_random_uuid()", "append-only"),
        (f"{END}, amount_minor = 1", "illegal change of the match"),
        (END.format(run=ANSWERED), "illegal change of the match"),
        (END.format(run=RUNNING), "comes or ends without an answer"),
        (FIND.format(run=RUNNING), "one_match_of_a"),
        (f"{ALL_ALLOWED}; {FIND.format(run=ANSWERED)}", "do not leave alone"),
        (f"{ALL_ALLOWED}; {FIND.format(run=RUNNING)}", "comes or ends without an answer"),
    ],
)
def test_a_match_is_only_ended_once_and_with_an_answer(days: Days, superuser, statement: str, refusal: str) -> None:
    days.publish(DAY, [X])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    begin(days.connection, "running", day=LATER)
    with superuser.transaction(force_rollback=True):
        superuser.execute("SELECT set_config('app.tenant_id', tenant_id::text, true) FROM prior_day_matches")
        with pytest.raises(errors.Error, match=refusal), superuser.transaction():
            superuser.execute(f"{statement.format(run=RUNNING)}; SET CONSTRAINTS ALL IMMEDIATE".encode())


def test_what_has_ended_stays_ended(days: Days, superuser) -> None:
    days.publish(DAY, [X])
    days.publish(NEXT, [matched_with(Y, DAY)], FOUND)
    days.publish(DAY, [missing("x", 400)])
    begin(days.connection, "running", day=LATER)
    for change in ("ended_by = NULL, ended_at = NULL", f"ended_by = {RUNNING}"):
        with pytest.raises(errors.InsufficientPrivilege, match="illegal change of the match"), superuser.transaction():
            superuser.execute(f"UPDATE prior_day_matches SET {change}".encode())
