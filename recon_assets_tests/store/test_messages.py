"""What a message about an answer, a check or a late day says is what the record says, and each is told once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.messages import (
    Amounts,
    Change,
    CheckFailed,
    ClassFigures,
    DiscrepancyOverdue,
    FeedLate,
    MessageKind,
    Money,
    RunFailed,
    RunPublished,
)
from recon_assets.store.checks import AssetOutcomes, record_outcomes
from recon_assets.store.history import current_run
from recon_assets.store.lateness import EndedDay, tell_late_days, tell_overdue
from recon_assets.store.messages import _CHANGE
from recon_assets.store.outbox import take_messages
from recon_assets.store.runs import record_failure
from recon_assets_tests.store.builders import (
    DAY,
    STARTED,
    across,
    conclusion,
    in_ledger,
    matched_with,
    missing,
    of_class,
    pair,
    proof,
    publish,
)

NEXT = DAY + timedelta(days=1)
GRACE = timedelta(days=14)
PENDING = DiscrepancyClass.PENDING_IN_LEDGER


def told(connection, kind: MessageKind, as_type: type) -> list:
    messages = take_messages(connection, kinds=[kind], limit=99, lease=timedelta(0))
    return [msgspec.convert(message.payload, as_type) for message in messages]


def usd(minor: int) -> tuple[Money, ...]:
    return (Money("USD", 2, minor),)


def on(day: date, rows: Sequence[dict]) -> dict:
    return {"rows": rows, "answer": conclusion(rows, day=day)}


def change_of(connection) -> Change:
    newest = told(connection, MessageKind.RUN_PUBLISHED, RunPublished)[-1]
    assert newest.change is not None
    return newest.change


def test_the_figures_of_an_answer_are_those_of_its_row_and_its_proofs(connection, tmp_path: Path) -> None:
    rows = [missing("a", 399), missing("b", -100), in_ledger("c", 250), missing("d", 7, currency="EUR")]
    publish(connection, tmp_path, key="a", rows=rows)
    (message,) = told(connection, MessageKind.RUN_PUBLISHED, RunPublished)
    run = current_run(connection, "stripe", DAY)
    assert (message.verdict, message.discrepancy_count, message.pending_count) == (run.verdict, 4, 0)
    assert (message.processor_transactions, message.ledger_entries, message.matched) == (30, 25, 25)
    assert (message.risk_level, message.compliance) == (run.risk_level.name, run.compliance)
    assert (message.discrepancy_rate, message.value_at_risk_rate) == (
        str(run.discrepancy_rate),
        str(run.value_at_risk_rate),
    )
    assert sorted(message.proofs, key=lambda proof: proof.currency) == list(run.proofs)
    assert message.by_class == (
        ClassFigures(DiscrepancyClass.MISSING_IN_LEDGER, 3, (Money("EUR", 2, 7), Money("USD", 2, 499))),
        ClassFigures(DiscrepancyClass.MISSING_AT_PROCESSOR, 1, usd(250)),
    )


def test_the_first_day_of_all_is_compared_with_none(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    assert change_of(connection) == Change(None, new=Amounts(1, usd(399)), resolved=Amounts(), persisting=Amounts())


def test_a_day_is_compared_with_the_newest_concluded_day_before(connection, tmp_path) -> None:
    """One discrepancy of the day before stays, one is cleared by a late entry, one falls due; two are new."""
    cleared, stays = missing("cleared", 111), missing("stays", 222)
    waits = of_class(missing("waits", 333), PENDING, due_on=NEXT)
    publish(connection, tmp_path, key="a", **on(DAY, [cleared, stays, waits]))
    rows = [missing("x", 1_000), missing("y", 2_000), matched_with(in_ledger("cleared", 111), DAY)]
    pairs = [pair(cleared, DAY, in_ledger("cleared", 111), NEXT)]
    publish(connection, tmp_path, key="b", **on(NEXT, rows), across_days=across(tmp_path, pairs))
    assert change_of(connection) == Change(
        since=DAY,
        new=Amounts(3, usd(3_333)),
        resolved=Amounts(1, usd(111)),
        persisting=Amounts(1, usd(222)),
    )


def test_a_day_that_is_answered_again_is_compared_with_its_own_answer_too(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="day before", **on(DAY, [missing("before", 5)]))
    publish(connection, tmp_path, key="a", **on(NEXT, [missing("stays", 10), missing("goes", 20)]))
    publish(connection, tmp_path, key="b", **on(NEXT, [missing("stays", 10), missing("comes", 40)]))
    assert change_of(connection) == Change(
        since=DAY,
        new=Amounts(1, usd(40)),
        resolved=Amounts(1, usd(20)),
        persisting=Amounts(2, usd(15)),
        is_of_older_answer=True,
    )


def test_both_legs_of_a_mismatch_of_currencies_count_whether_new_persisting_or_resolved(connection, tmp_path) -> None:
    mismatch = of_class(
        missing("m", 500), DiscrepancyClass.CURRENCY_MISMATCH, ledger_currency="EUR", ledger_amount_minor=480
    )
    proofs = [
        proof("USD", discrepancy_count=1, discrepancy_amount_minor=500, signed_discrepancies_minor=500,
              processor_total_minor=656_255),
        proof("EUR", discrepancy_count=0, discrepancy_amount_minor=480, signed_discrepancies_minor=-480,
              processor_total_minor=655_275),
    ]  # fmt: skip
    both = Amounts(1, (Money("EUR", 2, 480), Money("USD", 2, 500)))
    nothing = Amounts()
    publish(connection, tmp_path, key="a", rows=[mismatch], answer=conclusion([mismatch], proofs=proofs))
    assert change_of(connection) == Change(None, both, nothing, nothing)
    publish(connection, tmp_path, key="b", **on(NEXT, []))
    assert change_of(connection) == Change(DAY, nothing, nothing, both)
    publish(connection, tmp_path, key="c", rows=[])
    assert change_of(connection) == Change(None, nothing, both, nothing, is_of_older_answer=True)


def test_large_days_are_compared_without_a_loop_over_both(connection, tmp_path) -> None:
    """Of tables that have just grown the planner believes that they are small: it would compare each row with each."""
    first = [missing(f"a{number}") for number in range(500)]
    second = [missing(f"b{number}") for number in range(500)]
    before = publish(connection, tmp_path, key="a", **on(DAY, first))
    run = publish(connection, tmp_path, key="b", **on(NEXT, second))
    facts = {"processor": "stripe", "date": NEXT, "since": DAY, "run_id": run.run_id, "before": before.run_id}
    with connection.transaction():
        plan = connection.execute(f"EXPLAIN ANALYZE {_CHANGE}".encode(), facts | {"older": None}).fetchall()
    assert not [line for (line,) in plan if "Rows Removed by Join Filter" in line]
    assert change_of(connection).persisting.count == change_of(connection).new.count == 500


def test_a_day_without_a_conclusion_is_compared_with_nothing_and_says_why(connection, tmp_path) -> None:
    answer = conclusion([], reasons=("the ledger feed is empty, the other is not",))
    publish(connection, tmp_path, key="a", rows=[], answer=answer)
    (message,) = told(connection, MessageKind.RUN_PUBLISHED, RunPublished)
    assert message.change is None
    assert message.incomplete_reasons == ("the ledger feed is empty, the other is not",)


def test_a_failure_says_where_and_why_without_card_numbers(connection) -> None:
    record_failure(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key="a",
        dagster_run_id="d",
        stage="transactions",
        reason="no answer about 4242 4242 4242 4242",
        started_at=STARTED,
    )
    assert told(connection, MessageKind.RUN_FAILED, RunFailed) == [
        RunFailed("stripe", DAY, "transactions", "no answer about **** **** **** 4242", version=1)
    ]


def outcome(*, passed: bool = False, severity: Severity = Severity.WARN, **rules: int) -> CheckOutcome:
    return CheckOutcome("ids_are_unique", passed, severity, "No id occurs twice.", rows_checked=9, failed_rules=rules)


def record(connection, *outcomes: CheckOutcome, run: str = "d") -> None:
    checks = AssetOutcomes("stripe/transactions", outcomes)
    record_outcomes(connection, checks, dagster_run_id=run, processor="stripe", business_date=DAY)


def test_a_check_that_fails_is_told_also_when_it_is_a_warning_and_one_that_passes_is_not(connection) -> None:
    record(connection, outcome(again=2))
    record(connection, outcome(passed=True), run="e")
    assert told(connection, MessageKind.CHECK_FAILED, CheckFailed) == [
        CheckFailed(
            "stripe",
            DAY,
            "stripe/transactions",
            "ids_are_unique",
            Severity.WARN,
            "No id occurs twice.",
            9,
            {"again": 2},
        )
    ]


def test_the_same_failure_of_a_check_is_told_once_however_often_the_day_is_run(connection) -> None:
    for run in ("first", "second"):
        record(connection, outcome(again=2), run=run)
    assert len(told(connection, MessageKind.CHECK_FAILED, CheckFailed)) == 1
    record(connection, outcome(again=3), run="third")
    assert len(told(connection, MessageKind.CHECK_FAILED, CheckFailed)) == 2


def test_a_check_and_its_message_are_one(connection) -> None:
    with connection.transaction(force_rollback=True):
        record(connection, outcome(again=2))
    assert told(connection, MessageKind.CHECK_FAILED, CheckFailed) == []


ENDED = datetime.now(UTC) + timedelta(days=1)
"""After the first run of the processor, which tests begin now or in the past."""


def test_a_day_that_nobody_ran_or_that_has_no_conclusion_is_late_and_told_once(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    unread = conclusion([], reasons=("the ledger feed is empty",), day=NEXT)
    publish(connection, tmp_path, key="b", rows=[], answer=unread)
    never = NEXT + timedelta(days=1)
    days = [EndedDay(day, ENDED) for day in (DAY, NEXT, never)]
    for _ in range(2):
        assert tell_late_days(connection, "stripe", days, allowance_hours=12) == 2
    assert told(connection, MessageKind.FEED_LATE, FeedLate) == [
        FeedLate("stripe", NEXT, 12, "incomplete", ("the ledger feed is empty",)),
        FeedLate("stripe", never, 12, "never run", ()),
    ]


def test_a_day_before_the_first_run_of_a_processor_is_not_late(connection, tmp_path) -> None:
    days = [EndedDay(DAY, STARTED - timedelta(days=1))]
    assert tell_late_days(connection, "stripe", days, allowance_hours=12) == 0
    publish(connection, tmp_path, key="a", **on(NEXT, []))
    assert tell_late_days(connection, "stripe", days, allowance_hours=12) == 0
    assert tell_late_days(connection, "stripe", [], allowance_hours=12) == 0


def test_what_waited_beyond_its_due_date_is_told_once_per_day_and_class(connection, tmp_path) -> None:
    waiting = [of_class(missing(name, 100), PENDING, due_on=NEXT) for name in "ab"]
    other = of_class(in_ledger("c", 70, currency="EUR"), DiscrepancyClass.PENDING_AT_PROCESSOR, due_on=NEXT)
    publish(connection, tmp_path, key="a", **on(DAY, [*waiting, other]))
    assert tell_overdue(connection, "stripe", since=DAY, until=DAY, longest_grace=GRACE) == 0
    assert tell_overdue(connection, "stripe", since=NEXT, until=NEXT, longest_grace=timedelta(0)) == 0
    for _ in range(2):
        assert tell_overdue(connection, "stripe", since=DAY, until=NEXT, longest_grace=GRACE) == 2
    publish(connection, tmp_path, key="b", **on(NEXT, []))  # now they are missing: the same records
    assert tell_overdue(connection, "stripe", since=DAY, until=NEXT + timedelta(days=1), longest_grace=GRACE) == 2
    assert told(connection, MessageKind.DISCREPANCY_OVERDUE, DiscrepancyOverdue) == [
        DiscrepancyOverdue(
            "stripe", DAY, DiscrepancyClass.PENDING_AT_PROCESSOR, NEXT, Amounts(1, (Money("EUR", 2, 70),))
        ),
        DiscrepancyOverdue("stripe", DAY, PENDING, NEXT, Amounts(2, usd(200))),
    ]
