"""A short campaign in which every kind of fault comes at least once, and the control that shows it has power."""

import random
from dataclasses import replace
from pathlib import Path

from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.bench import PROJECT, new_bench
from recon_assets_tests.faults.campaign import ROUND, run_campaign
from recon_assets_tests.faults.days import prepare
from recon_assets_tests.faults.invariants import violations
from recon_assets_tests.faults.kinds import WEIGHTS
from recon_assets_tests.faults.proxy import ALL_STEPS, Plan, Proxy
from recon_assets_tests.faults.worker import Job, Worker, publish_naively
from recon_assets_tests.store.builders import DAY

SEED = 7


def test_no_fault_loses_doubles_or_halves_a_day_and_every_retry_completes() -> None:
    findings = run_campaign(seed=SEED, indexes=range(len(ROUND)))
    assert findings.violations == []
    assert set(findings.injected) | set(findings.missed) | set(findings.not_run) == {kind.__name__ for kind in WEIGHTS}


def test_every_step_that_can_be_named_is_met_by_a_publication(tmp_path: Path) -> None:
    with new_bench() as bench:
        day = prepare(tmp_path / "a", processor="acme", key="a", rng=random.Random(1), count=9)
        with Proxy(bench.socket, Plan()) as proxy:
            worker = Worker(Job(bench.behind(proxy), day, "first"))
            worker.go()
            assert worker.outcome() == "published"
        assert set(ALL_STEPS) <= set(proxy.steps_met)


def test_a_writer_that_deletes_and_inserts_does_not_survive_the_same_kills(tmp_path: Path) -> None:
    with new_bench() as bench:
        with bench.admin() as admin:
            admin.execute("CREATE DATABASE naive")
        bench.database = replace(bench.database, name="naive")
        with bench.admin() as admin:
            admin.execute((PROJECT / "sql" / "migrations" / "0001_record.sql").read_bytes())
            admin.execute(
                "ALTER TABLE discrepancies ADD pass text, ADD differs text, ADD due_on date,"
                " ADD counterpart_date date, ADD fee_difference_minor bigint"
            )
        broken = 0
        for number, step in enumerate(["delete naively", "insert discrepancies", "complete"]):
            broken += _broken_by_a_kill(bench, tmp_path / str(number), f"c{number}", step)
        assert broken == 3


def _broken_by_a_kill(bench, folder: Path, processor: str, step: str) -> bool:
    rng = random.Random(processor)
    old, new = (
        prepare(folder / key, processor=processor, key=f"{key}-{processor}", rng=rng, count=120) for key in "ab"
    )
    with bench.admin() as admin:
        admin.execute(
            """
            INSERT INTO reconciliation_runs (processor_name, run_date, version, status, is_current, idempotency_key,
                start_time, end_time, verdict, processor_transactions, internal_transactions, matched_count,
                discrepancy_count, missing_transaction_count, risk_level, compliance_status)
            VALUES (%s, %s, 1, 'completed', TRUE, %s, now(), now(), 'discrepancies', 1, 1, 1, 0, 0, 'LOW', 'COMPLIANT')
            """,
            [processor, DAY, old.key],
        )
    publish_naively(Job(bench.database, old, "old"))
    with Proxy(bench.socket, plan := Plan(step=step, when="after" if step != "complete" else "before")) as proxy:
        worker = Worker(Job(bench.behind(proxy), new, "first"), publish_naively)
        plan.act = lambda _: worker.kill()
        worker.go()
        assert worker.outcome() == "killed"
    with session_as_superuser(bench.database) as connection:
        return violations(connection, processor, {old.key: old, new.key: new}, audited=False) != []
