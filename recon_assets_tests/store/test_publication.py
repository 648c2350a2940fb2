import os
import signal
import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import errors

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.conclusion import PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.domain.risk import ComplianceStatus, RiskLevel
from recon_assets.domain.verdict import Verdict
from recon_assets.store.checks import AssetOutcomes, record_outcomes
from recon_assets.store.database import Database
from recon_assets.store.discrepancies import discrepancies_of
from recon_assets.store.history import current_run, run_by_id
from recon_assets.store.publication import publish_run
from recon_assets.store.runs import begin_run
from recon_assets.store.staging import BATCH_ROWS, MATCHING_COLUMNS
from recon_assets_tests.store.builders import (
    DAY,
    RULES,
    STARTED,
    begin,
    conclusion,
    in_ledger,
    missing,
    of_class,
    proof,
    proofs_of,
    publish,
    quiet_proof,
    write,
)


def count(connection: psycopg.Connection, table: str) -> int:
    with connection.transaction():
        return connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0]


def test_a_published_run_is_the_current_answer_with_everything(connection: psycopg.Connection, tmp_path: Path) -> None:
    rows = [missing(f"txn_{number}") for number in range(5)]
    published = publish(connection, tmp_path, key="a", rows=rows)
    run = current_run(connection, "stripe", DAY)
    assert run is not None
    assert (run.id, run.version, run.status, run.verdict) == (published.run_id, 1, "completed", Verdict.DISCREPANCIES)
    assert (run.processor_transactions, run.ledger_entries, run.matched) == (30, 25, 25)
    assert (run.discrepancy_count, run.missing_count) == (5, 5)
    assert (run.currency, run.volume, run.discrepancy_amount) == ("USD", Decimal("6577.50"), Decimal("19.95"))
    assert (run.discrepancy_rate, run.value_at_risk_rate) == (Decimal("0.1667"), Decimal("0.0030"))
    assert (run.risk_level, run.compliance) == (RiskLevel.LOW, ComplianceStatus.COMPLIANT)
    assert run.proofs == (proof(),)
    assert run.count_by_class == {DiscrepancyClass.MISSING_IN_LEDGER: 5}
    assert [row.amount for row in discrepancies_of(connection, run.id, limit=10)] == [Decimal("3.99")] * 5


def test_a_day_of_several_currencies_has_its_money_in_the_proofs_only(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    rows = [missing("a"), missing("b", currency="JPY", amount_minor=7)]
    yen, dollars = sorted(proofs_of(rows), key=lambda proof: proof.currency)
    proofs = (replace(yen, exponent=0, processor_total_minor=2**80), dollars)
    published = publish(connection, tmp_path, key="a", rows=rows, answer=conclusion(rows, proofs=proofs))
    run = run_by_id(connection, published.run_id)
    assert (run.currency, run.volume, run.discrepancy_amount) == (None, None, None)
    assert run.proofs == proofs
    assert {row.currency: str(row.amount) for row in discrepancies_of(connection, run.id, limit=9)} == {
        "USD": "3.99",
        "JPY": "7",
    }


def test_a_quiet_day_and_an_incomplete_day_are_published_too(connection: psycopg.Connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[], answer=conclusion([], proofs=()))
    assert current_run(connection, "stripe", DAY).verdict is Verdict.RECONCILED
    publish(connection, tmp_path, key="b", rows=[], answer=conclusion([], proofs=(), reasons=("it came short",)))
    run = current_run(connection, "stripe", DAY)
    assert (run.verdict, run.incomplete_reasons) == (Verdict.INCOMPLETE, ("it came short",))
    assert run.compliance is ComplianceStatus.NEEDS_REVIEW


def test_publishing_again_changes_nothing(
    connection: psycopg.Connection, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    rows = [missing("a")]
    first = publish(connection, tmp_path, key="a", rows=rows)
    audited = count(superuser, "audit_log")
    again = publish_run(
        connection,
        run_id=first.run_id,
        conclusion=conclusion(rows),
        discrepancies=tmp_path / "gone.parquet",
        input_fingerprint=None,
    )
    assert again.already_published
    assert begin(connection, "a").already_published
    assert (count(connection, "discrepancies"), count(superuser, "audit_log")) == (1, audited)


def test_a_new_answer_supersedes_the_old_one_which_stays(connection: psycopg.Connection, tmp_path: Path) -> None:
    old = publish(connection, tmp_path, key="a", rows=[missing("a"), missing("b")])
    new = publish(connection, tmp_path, key="b", rows=[missing("a")])
    assert (new.superseded, new.version) == (old.run_id, 2)
    assert current_run(connection, "stripe", DAY).id == new.run_id
    superseded = run_by_id(connection, old.run_id)
    assert (superseded.is_current, superseded.status, superseded.superseded_by) == (False, "completed", new.run_id)
    first, again = (discrepancies_of(connection, run, limit=9) for run in (old.run_id, new.run_id))
    assert len(first) == 2
    assert again[0].discrepancy_id in {row.discrepancy_id for row in first}
    assert again[0].id not in {row.id for row in first}


@pytest.mark.parametrize("other", [[], [missing("a"), missing("b")], [missing("a", **{"class": "status_mismatch"})]])
def test_rows_that_the_conclusion_does_not_count_are_refused_whole(
    connection: psycopg.Connection, tmp_path: Path, other: list[dict[str, object]]
) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("old")])
    with pytest.raises(StoreRefused, match="not those that the conclusion counts"):
        publish(connection, tmp_path, key="b", rows=other, answer=conclusion([missing("a")]))
    assert current_run(connection, "stripe", DAY).idempotency_key == "a"
    assert count(connection, "discrepancies") == 1


def test_a_refused_row_is_not_quoted_in_the_error(connection: psycopg.Connection, tmp_path: Path) -> None:
    twice = [missing("secret-id", amount_minor=987654), missing("secret-id", amount_minor=987654)]
    with pytest.raises(StoreRefused, match="discrepancies") as refused:
        publish(connection, tmp_path, key="a", rows=twice)
    error: BaseException | None = refused.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "secret-id" not in str(error)
    assert "987654" not in str(error)


def test_an_unknown_currency_is_refused(connection: psycopg.Connection, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused):
        publish(connection, tmp_path, key="a", rows=[missing("a", currency="QQQ")])


def test_a_file_of_another_shape_is_refused(connection: psycopg.Connection, tmp_path: Path) -> None:
    run = begin(connection, "a")
    file = tmp_path / "discrepancies.parquet"
    pq.write_table(pa.table({"class": ["missing_in_ledger"]}), file)
    with pytest.raises(StoreRefused, match="lacks amount_minor"):
        publish_run(
            connection,
            run_id=run.run_id,
            conclusion=conclusion([missing("a")]),
            discrepancies=file,
            input_fingerprint=None,
        )


def test_a_run_that_was_taken_over_cannot_be_published(connection: psycopg.Connection, tmp_path: Path) -> None:
    rows = [missing("a")]
    dead = begin(connection, "a")
    publish(connection, tmp_path, key="b", rows=rows)
    for run_id in (dead.run_id, UUID(int=1)):
        with pytest.raises(StoreRefused, match=r"aborted|no such run"):
            publish_run(
                connection,
                run_id=run_id,
                conclusion=conclusion(rows),
                discrepancies=write(tmp_path, rows),
                input_fingerprint=None,
            )


def test_a_publication_cut_off_before_its_commit_leaves_the_old_answer(
    database: Database, connection: psycopg.Connection, tmp_path: Path
) -> None:
    old = publish(connection, tmp_path, key="a", rows=[missing("old")])
    rows = [missing(f"new {number}") for number in range(500)]
    answer, file = conclusion(rows), write(tmp_path, rows)
    as_superuser = database.connect_as_migrator
    with as_superuser() as blocker, database.connect() as doomed, as_superuser() as observer:
        run = begin(doomed, "b")
        # holding the current run makes the publication wait just before its end
        blocker.execute("BEGIN")
        blocker.execute("SELECT 1 FROM reconciliation_runs WHERE id = %s FOR UPDATE", [old.run_id])
        backend, failures = doomed.info.backend_pid, []

        def publish_in_vain() -> None:
            try:
                publish_run(doomed, run_id=run.run_id, conclusion=answer, discrepancies=file, input_fingerprint=None)
            except StoreUnavailable as error:
                failures.append(error)

        publishing = threading.Thread(target=publish_in_vain)
        publishing.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while observer.execute(waiting, [backend]).fetchone() != (1,):
            pass
        os.kill(backend, signal.SIGTERM)
        publishing.join()
        blocker.execute("ROLLBACK")
        assert len(failures) == 1
        with pytest.raises(psycopg.OperationalError):
            doomed.execute("SELECT 1")
    assert current_run(connection, "stripe", DAY).id == old.run_id
    assert count(connection, "discrepancies") == 1
    again = publish(connection, tmp_path, key="b", rows=rows, answer=answer)
    assert (again.version, again.superseded) == (3, old.run_id)
    assert run_by_id(connection, run.run_id).status == "aborted"
    assert count(connection, "discrepancies") == 501


ODD_TEXTS = [
    "",
    " ",
    "NULL",
    "\\N",
    "\\.",
    "\\",
    '"',
    '""',
    "a,b",
    "a\nb",
    "a\r\nb",
    "\n\\.\n",
    "tab\tand'quote",
    "日本語 🏦 e\u0301",
    "\u2028\x7f\x01",
    "%s {x} $1",
]


def test_odd_texts_and_extreme_numbers_arrive_as_they_were(connection: psycopg.Connection, tmp_path: Path) -> None:
    rows = [
        missing(f"txn {number}", merchant_id=text, reference_number=None, processor_raw_file=text)
        for number, text in enumerate(ODD_TEXTS)
    ]
    rows.append(missing("largest", amount_minor=2**63 - 1, fee_minor=-(2**63), currency="KWD"))
    rows.append(missing("smallest", amount_minor=-(2**63), fee_minor=0, currency="CLF"))
    rows.append(missing("one cent short", amount_minor=99, processor_status=None, ledger_status="failed"))
    publish(connection, tmp_path, key="a", rows=rows)
    run = current_run(connection, "stripe", DAY)
    found = {row.transaction_id: row for row in discrepancies_of(connection, run.id, limit=100)}
    assert [found[f"txn {number}"].merchant_id for number in range(len(ODD_TEXTS))] == ODD_TEXTS
    assert [found[f"txn {number}"].processor_raw_file for number in range(len(ODD_TEXTS))] == ODD_TEXTS
    assert found["txn 0"].reference_number is None
    assert found["txn 0"].fee_minor is None
    assert found["txn 0"].fee is None
    assert found["txn 0"].status == "completed"
    assert found["txn 0"].occurred_at == rows[0]["occurred_at"]
    assert (str(found["largest"].amount), str(found["largest"].fee)) == (
        "9223372036854775.807",
        "-9223372036854775.808",
    )
    assert (str(found["smallest"].amount), str(found["smallest"].fee)) == ("-922337203685477.5808", "0.0000")
    assert (str(found["one cent short"].amount), found["one cent short"].status) == ("0.99", "failed")


def test_a_nul_is_replaced_since_text_cannot_hold_it(connection: psycopg.Connection, tmp_path: Path) -> None:
    published = publish(connection, tmp_path, key="a", rows=[missing("a\x00b")])
    assert discrepancies_of(connection, published.run_id, limit=1)[0].transaction_id == "a\ufffdb"


def test_dictionary_encoded_words_and_more_than_one_batch_are_taken(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    rows = [missing("a")] * (BATCH_ROWS + 5)
    table = pa.Table.from_pylist(rows[:1], schema=MATCHING_COLUMNS).take([0] * len(rows))
    numbers = pa.array(range(len(rows)), type=pa.int32())
    table = table.set_column(table.schema.get_field_index("occurrence"), "occurrence", numbers)
    for name in ("class", "currency", "processor_status", "ledger_status"):
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table.column(name).dictionary_encode())
    file = tmp_path / "words.parquet"
    pq.write_table(table.append_column("extra", pa.nulls(table.num_rows)), file)
    run = begin(connection, "a")
    publish_run(connection, run_id=run.run_id, conclusion=conclusion(rows), discrepancies=file, input_fingerprint=None)
    assert count(connection, "discrepancies") == BATCH_ROWS + 5


@pytest.mark.parametrize(
    "change",
    [
        {"proofs": ()},
        {"proofs": (proof(discrepancy_amount_minor=1),)},
        {"proofs": (*proofs_of([missing("a")]), quiet_proof("EUR", signed_discrepancies_minor=1))},
        {"proofs": (replace(proofs_of([missing("a")])[0], pending_count=1),)},
        {"proofs": (replace(proofs_of([missing("a")])[0], pending_amount_minor=1),)},
        {"matched_by_pass": {"transaction_id": PassMatches(1, 31, 1)}},
        {"matched_by_pass": {"transaction_id": PassMatches(1, 1, 26)}},
    ],
)
def test_the_database_itself_refuses_an_answer_that_is_not_that_of_its_rows(
    connection: psycopg.Connection, tmp_path: Path, change: dict[str, object]
) -> None:
    rows = [missing("a")]
    answer = replace(conclusion(rows), **change)
    with pytest.raises(StoreRefused, match="answer_is_that_of_its_rows"):
        publish(connection, tmp_path, key="a", rows=rows, answer=answer)
    assert count(connection, "discrepancies") == 0


WAITS = of_class(missing("w"), DiscrepancyClass.PENDING_IN_LEDGER, due_on=DAY + timedelta(days=2))
RESTATED = of_class(missing("r", 0), DiscrepancyClass.RESTATED)


@pytest.mark.parametrize(
    ("rows", "verdict", "rule"),
    [
        ([], Verdict.DISCREPANCIES, "answer_is_that_of_its_rows"),
        ([], Verdict.RECONCILED_WITH_WARNINGS, "answer_is_that_of_its_rows"),
        ([], Verdict.RECONCILED_WITH_PENDING, "with_pending_has_some"),
        ([WAITS], Verdict.RECONCILED, "reconciled_has_nothing_pending"),
        ([WAITS], Verdict.RECONCILED_WITH_WARNINGS, "answer_is_that_of_its_rows"),
        ([WAITS, RESTATED], Verdict.RECONCILED_WITH_PENDING, "answer_is_that_of_its_rows"),
        ([RESTATED], Verdict.RECONCILED, "answer_is_that_of_its_rows"),
        ([missing("a")], Verdict.RECONCILED, "reconciled_has_no_discrepancies"),
    ],
)
def test_the_database_itself_refuses_a_verdict_that_does_not_follow_from_the_rows(
    connection, tmp_path: Path, rows: list[dict[str, object]], verdict: Verdict, rule: str
) -> None:
    with pytest.raises(StoreRefused, match=rule):
        publish(connection, tmp_path, key="a", rows=rows, answer=replace(conclusion(rows), verdict=verdict))


def test_rows_that_wait_and_rows_that_explain_are_no_discrepancies(connection, tmp_path: Path) -> None:
    rows = [
        of_class(missing("waits", 100), DiscrepancyClass.PENDING_IN_LEDGER, due_on=date(2025, 10, 2)),
        of_class(in_ledger("waits too", 7), DiscrepancyClass.PENDING_AT_PROCESSOR, due_on=date(2025, 10, 2)),
    ]
    publish(connection, tmp_path, key="a", rows=rows)
    run = current_run(connection, "stripe", DAY)
    assert (run.verdict, run.discrepancy_count, run.pending_count) == (Verdict.RECONCILED_WITH_PENDING, 0, 2)
    assert (run.proofs[0].signed_discrepancies_minor, run.proofs[0].pending_amount_minor) == (93, 107)
    assert (run.rule_version, run.matched_by_pass) == (RULES, {"transaction_id": PassMatches.of_pairs(25)})
    within = {"pass": "reference", "differs": "amount", "ledger_amount_minor": 398, "ledger_seq": 1}
    rows.append(of_class(missing("near", 1), DiscrepancyClass.MATCHED_IN_TOLERANCE, **within))
    publish(connection, tmp_path, key="b", rows=rows)
    run = current_run(connection, "stripe", DAY)
    assert (run.verdict, run.discrepancy_count, run.pending_count) == (Verdict.RECONCILED_WITH_WARNINGS, 0, 2)
    near = discrepancies_of(connection, run.id, limit=9)[-1]
    assert (near.outcome, near.step, near.differs, near.due_on) == ("ok", "reference", "amount", None)


def test_a_group_counts_as_one_match_of_all_its_records(connection, tmp_path: Path) -> None:
    matched = {"payout": PassMatches(matches=2, processor_records=2, ledger_records=9), "id": PassMatches.of_pairs(16)}
    publish(connection, tmp_path, key="a", rows=[], answer=replace(conclusion([]), matched_by_pass=matched))
    run = current_run(connection, "stripe", DAY)
    assert (run.matched, run.matched_by_pass) == (18, matched)


@pytest.mark.parametrize("kind", DiscrepancyClass)
def test_a_row_of_every_class_is_taken_and_counted_by_its_outcome(
    connection, tmp_path: Path, kind: DiscrepancyClass
) -> None:
    row = of_class(missing("a"), kind)
    if kind.outcome is Outcome.PENDING:
        row["due_on"] = DAY + timedelta(days=1)
    if kind is DiscrepancyClass.FEE_MISMATCH:
        row["fee_difference_minor"] = -1
    if kind is DiscrepancyClass.CURRENCY_MISMATCH:
        row |= {"ledger_currency": "EUR", "ledger_amount_minor": 5, "ledger_seq": 0}
        other_leg = proof("EUR", signed_discrepancies_minor=-5, discrepancy_count=0, discrepancy_amount_minor=5)
        answer = conclusion([row], proofs=(other_leg, *proofs_of([row])))
    else:
        answer = conclusion([row])
    if kind is DiscrepancyClass.MATCHED_PRIOR_DAY:
        row["counterpart_date"] = DAY - timedelta(days=1)
        with pytest.raises(StoreRefused, match="answer_says_what_other_days_matched"):
            publish(connection, tmp_path, key="a", rows=[row], answer=answer)
        return
    publish(connection, tmp_path, key="a", rows=[row], answer=answer)
    run = current_run(connection, "stripe", DAY)
    assert (run.discrepancy_count, run.pending_count) == (
        int(kind.outcome is Outcome.DISCREPANCY),
        int(kind.outcome is Outcome.PENDING),
    )


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        (DiscrepancyClass.MISSING_IN_LEDGER, {"outcome": "ok"}, "outcome_follows_from_class"),
        (DiscrepancyClass.UNCLASSIFIED, {"outcome": "discrepancy"}, "outcome_follows_from_class"),
        (DiscrepancyClass.PENDING_IN_LEDGER, {}, "pending_has_a_due_date"),
        (DiscrepancyClass.PENDING_IN_LEDGER, {"due_on": DAY}, "only_what_is_alone_is_due"),
        (DiscrepancyClass.STATUS_MISMATCH, {"due_on": date(2025, 12, 1)}, "only_what_is_alone_is_due"),
        (DiscrepancyClass.MATCHED_PRIOR_DAY, {}, "counterpart_of_another_day"),
        (DiscrepancyClass.MATCHED_PRIOR_DAY, {"counterpart_date": DAY}, "counterpart_of_another_day"),
        (DiscrepancyClass.AMBIGUOUS, {"counterpart_date": date(2025, 10, 1)}, "counterpart_of_another_day"),
        (DiscrepancyClass.FEE_MISMATCH, {}, "fee_mismatch_has_a_difference"),
        (DiscrepancyClass.FEE_MISMATCH, {"fee_difference_minor": 0}, "fee_mismatch_has_a_difference"),
        (DiscrepancyClass.STATUS_MISMATCH, {"pass": "No Pass"}, "discrepancies_pass_check"),
        (DiscrepancyClass.STATUS_MISMATCH, {"differs": "3.99"}, "discrepancies_differs_check"),
    ],
)
def test_a_row_that_does_not_fit_its_class_is_refused(
    connection, tmp_path: Path, kind: DiscrepancyClass, change: dict[str, object], rule: str
) -> None:
    row = of_class(missing("a"), kind) | change
    with pytest.raises(StoreRefused, match=rule):
        publish(connection, tmp_path, key="a", rows=[row])


def test_outcomes_of_the_same_dagster_run_are_part_of_the_publication(connection, tmp_path: Path) -> None:
    def outcome(name: str) -> CheckOutcome:
        return CheckOutcome(name, passed=True, severity=Severity.ERROR, description="once", rows_checked=1)

    def checks(name: str) -> AssetOutcomes:
        return AssetOutcomes(f"stripe/{name}", [outcome(name)])

    run = begin(connection, "a")
    day = {"processor": "stripe", "business_date": DAY}
    record_outcomes(connection, checks("earlier"), dagster_run_id="dagster-a", **day)
    record_outcomes(connection, checks("foreign"), dagster_run_id="dagster-b", **day)
    rows = [missing("a")]
    file = write(tmp_path, rows)

    def answer(own_checks: AssetOutcomes, rows: list) -> None:
        publish_run(
            connection,
            run_id=run.run_id,
            conclusion=conclusion(rows),
            discrepancies=file,
            input_fingerprint="f",
            checks=own_checks,
        )

    with pytest.raises(StoreRefused):
        answer(checks("own"), [])
    assert count(connection, "data_quality_checks") == 2
    answer(checks("own"), rows)
    with connection.transaction():
        linked = connection.execute(
            "SELECT check_name FROM data_quality_checks WHERE run_id = %s", [run.run_id]
        ).fetchall()
    assert sorted(linked) == [("earlier",), ("own",)]


def test_a_business_date_that_no_calendar_of_ours_has_is_refused_before_anything_is_written(connection) -> None:
    with pytest.raises(StoreRefused, match="beginning the run"):
        begin_run(
            connection,
            processor="stripe",
            business_date=date(1812, 6, 24),
            idempotency_key="a",
            dagster_run_id=None,
            started_at=STARTED,
        )


def test_days_of_many_months_lie_in_partitions_of_their_own(connection, superuser, tmp_path: Path) -> None:
    for number in range(1, 4):
        with connection.transaction():
            connection.execute("SELECT ensure_month(%s)", [date(2024, number, 29)])
    months = superuser.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'discrepancies'::regclass ORDER BY 1"
    ).fetchall()
    assert [name for (name,) in months if "2024" in name] == [f"discrepancies_2024_0{number}" for number in range(1, 4)]


def test_a_month_that_two_sessions_need_at_once_is_made_by_one_and_seen_by_the_other(database, superuser) -> None:
    new_month, told = "SELECT ensure_month('2031-05-29')::text", list[str]()

    def need_it_too() -> None:
        with database.connect() as second, second.transaction():
            told.extend(row[0] for row in second.execute(new_month).fetchall())

    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid "
    waits += "FROM pg_database WHERE datname = current_database())"
    second = threading.Thread(target=need_it_too)
    with database.connect() as first, first.transaction():
        assert first.execute(new_month).fetchone() == ("discrepancies_2031_05",)
        second.start()
        while superuser.execute(waits).fetchone() == (0,):
            assert second.is_alive()
    second.join()

    assert told == ["discrepancies_2031_05"]


@pytest.mark.parametrize("column", ["processor_name", "business_date"])
def test_an_answer_with_a_row_of_another_day_is_refused(connection, tmp_path: Path, column: str) -> None:
    """As a writer would do it that does not go through `publish_run`."""
    published = publish(connection, tmp_path, key="a", rows=[missing("a")])
    run = begin(connection, "b")
    other = {"processor_name": "'paypal'", "business_date": "business_date + 1"}[column]
    copied = "tenant_id, run_id, processor_name, business_date, discrepancy_id, class, outcome, priority, side, "
    copied += "transaction_id, occurrence, currency, exponent, amount_minor, processor_seq"
    values = copied.replace(column, other).replace("run_id", "%(new)s", 1)
    with connection.transaction():
        connection.execute("SELECT ensure_month(%s)", [date(2025, 10, 1)])
    old_and_new = {"new": run.run_id, "old": published.run_id}

    def write_past_the_program() -> None:
        with connection.transaction():
            connection.execute(
                f"INSERT INTO discrepancies (id, {copied}) SELECT gen_random_uuid(), {values} FROM discrepancies "
                "WHERE run_id = %(old)s".encode(),
                old_and_new,
            )
            connection.execute(
                "UPDATE reconciliation_runs SET is_current = FALSE, superseded_by = %(new)s, superseded_at = now() "
                "WHERE id = %(old)s",
                old_and_new,
            )
            connection.execute(
                "UPDATE reconciliation_runs SET status = 'completed', is_current = TRUE, end_time = now(), "
                "verdict = 'discrepancies', processor_transactions = 1, internal_transactions = 0, matched_count = 0, "
                "discrepancy_count = 1, pending_count = 0, missing_transaction_count = 1, risk_level = 'LOW', "
                "compliance_status = 'COMPLIANT', rule_version = repeat('4', 64) WHERE id = %(new)s",
                old_and_new,
            )

    with pytest.raises(errors.CheckViolation, match="not that of its rows: discrepancies"):
        write_past_the_program()
