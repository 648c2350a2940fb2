"""Every kind of fault: how it is brought about. Each returns what the workers said, by key, and whether it struck."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import IsolationLevel

from recon_assets_tests.faults.bench import Bench
from recon_assets_tests.faults.days import PreparedDay
from recon_assets_tests.faults.proxy import ALL_STEPS, PUBLICATION, Plan, Proxy
from recon_assets_tests.faults.worker import Job, Worker

RANDOM_MOMENT_S = 0.12
BYTES_UP_PER_ROW = 190
BYTES_UP_BESIDE = 9_000
BYTES_DOWN = 3_000
INSIDE_PUBLICATION = (
    "create the stage",
    "copy",
    "count the stage",
    "insert discrepancies",
    "compare with the answer before",
    "supersede",
    "complete",
    "put the message",
    "link the outcomes",
)


@dataclass(slots=True)
class Case:
    """`old` is published and current before the fault; `days` are what the workers publish."""

    bench: Bench
    rng: random.Random
    processor: str
    old: PreparedDay
    days: list[PreparedDay]

    def job(self, number: int = 0, **other: object) -> Job:
        day = self.days[number]
        return Job(**({"database": self.bench.database, "day": day, "dagster_run_id": f"first-{number}"} | other))

    def step(self) -> dict[str, str]:
        return {"step": self.rng.choice(ALL_STEPS), "when": self.rng.choice(["before", "after"])}


Result = tuple[bool, list[tuple[str, str]]]


def through_proxy(case: Case, plan: Plan, *, kills: bool = False, **job: object) -> Result:
    """One worker behind a proxy that follows `plan`; with `kills` it is the worker that is killed there."""
    with Proxy(case.bench.socket, plan) as proxy:
        worker = Worker(case.job(database=case.bench.behind(proxy), **job))
        if kills:
            plan.act = lambda _: os.kill(worker.pid, signal.SIGKILL)
        worker.go()
        said = worker.outcome()
    return plan.struck and (said == "killed" or not kills), [(case.days[0].key, said)]


def kill_at_step(case: Case) -> Result:
    return through_proxy(case, Plan(**case.step()), kills=True)


def kill_at_a_random_moment(case: Case) -> Result:
    worker = Worker(case.job())
    worker.go()
    time.sleep(case.rng.uniform(0, RANDOM_MOMENT_S))
    worker.kill()
    said = worker.outcome()
    return said == "killed", [(case.days[0].key, said)]


def cut_before_commit(case: Case) -> Result:
    return through_proxy(case, Plan(step=PUBLICATION))


def cut_after_commit(case: Case) -> Result:
    return through_proxy(case, Plan(step=PUBLICATION, when="after"))


def cut_up(case: Case) -> Result:
    total = BYTES_UP_BESIDE + BYTES_UP_PER_ROW * len(case.days[0].rows)
    return through_proxy(case, Plan(up=case.rng.randrange(total)))


def cut_down(case: Case) -> Result:
    return through_proxy(case, Plan(down=case.rng.randrange(BYTES_DOWN)))


def kill_postmaster(case: Case) -> Result:
    postmaster = case.bench.postmaster()
    return through_proxy(case, Plan(**case.step(), act=lambda _: os.kill(postmaster, signal.SIGKILL), goes_on=True))


def kill_backend(case: Case) -> Result:
    return through_proxy(case, Plan(**case.step(), act=lambda pid: os.kill(pid, signal.SIGKILL), goes_on=True))


def terminate_backend(case: Case) -> Result:
    def terminate(pid: int) -> None:
        with case.bench.admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])

    return through_proxy(case, Plan(**case.step(), act=terminate, goes_on=True))


def workers_at_once(case: Case) -> Result:
    """Each with its own key; every second time one of them is killed somewhere."""
    return _at_once(case, [case.job(number) for number in range(len(case.days))], killed=case.rng.random() < 0.5)


def same_key_at_once(case: Case) -> Result:
    jobs = [case.job(dagster_run_id=f"first-{number}") for number in range(3)]
    return _at_once(case, jobs, killed=case.rng.random() < 0.3)


def same_key_and_one_gives_up(case: Case) -> Result:
    """While one holds the day in the middle of its publication, another with its key tires of waiting and says so."""
    tired: list[str] = []

    def another(_: int) -> None:
        worker = Worker(case.job(dagster_run_id="tired", wait_s=0.05))
        worker.go()
        tired.append(worker.outcome())

    struck, said = through_proxy(case, Plan(step="commit of insert the run", when="after", act=another, goes_on=True))
    return struck and tired == ["unavailable"], [*said, (case.days[0].key, "must be published" if said else "")]


def _at_once(case: Case, jobs: list[Job], *, killed: bool) -> Result:
    plan = Plan(**case.step()) if killed else Plan()
    with Proxy(case.bench.socket, plan) as proxy:
        jobs[0] = Job(case.bench.behind(proxy), jobs[0].day, jobs[0].dagster_run_id)
        workers = [Worker(job) for job in jobs]
        plan.act = lambda _: os.kill(workers[0].pid, signal.SIGKILL)
        for worker in workers:
            worker.go()
        said = [(job.day.key, worker.outcome()) for job, worker in zip(jobs, workers, strict=True)]
    return True, said


def statement_timeout(case: Case) -> Result:
    return _blocked(case, {"statement_timeout": "150ms"})


def lock_timeout(case: Case) -> Result:
    return _blocked(case, {"lock_timeout": "150ms"})


def _blocked(case: Case, limits: dict[str, str]) -> Result:
    block = case.rng.choice(["LOCK TABLE discrepancies IN SHARE MODE", _CURRENT])
    with case.bench.admin() as admin, admin.transaction():
        admin.execute(block, [case.processor] if block is _CURRENT else None)
        worker = Worker(case.job(limits=limits))
        worker.go()
        said = worker.outcome()
    return said == "unavailable", [(case.days[0].key, said)]


def idle_in_transaction(case: Case) -> Result:
    plan = Plan(step=case.rng.choice(INSIDE_PUBLICATION), act=lambda _: time.sleep(0.3), goes_on=True)
    return through_proxy(case, plan, limits={"idle_in_transaction_session_timeout": "100ms"})


def deadlock(case: Case) -> Result:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    own = "SELECT 1 FROM reconciliation_runs WHERE processor_name = %s AND status = 'running' FOR UPDATE"
    with case.bench.admin() as watcher, case.bench.admin() as other:
        other.execute("BEGIN")
        other.execute("SET LOCAL deadlock_timeout = '20s'")
        other.execute(_CURRENT, [case.processor])
        worker = Worker(case.job())  # finds the deadlock first: the other side waits longer before it looks
        worker.go()
        while not watcher.execute(waiting).fetchone():
            time.sleep(0.01)
        other.execute(own, [case.processor])
        other.execute("COMMIT")
        said = worker.outcome()
    return said == "unavailable", [(case.days[0].key, said)]


def serialisation_failure(case: Case) -> Result:
    """Under REPEATABLE READ the current run is changed, to the same, after the publication's snapshot was taken."""

    def change(_: int) -> None:
        with case.bench.admin() as admin, admin.transaction():
            admin.execute("ALTER TABLE reconciliation_runs DISABLE TRIGGER guard_run")
            admin.execute(
                "UPDATE reconciliation_runs SET metadata = metadata WHERE processor_name = %s AND is_current",
                [case.processor],
            )
            admin.execute("ALTER TABLE reconciliation_runs ENABLE ALWAYS TRIGGER guard_run")

    plan = Plan(step="supersede", act=change, goes_on=True)
    struck, said = through_proxy(case, plan, isolation=IsolationLevel.REPEATABLE_READ)
    return struck and said[0][1] == "unavailable", said


def disk_full(case: Case) -> Result:
    """Less is left than the publication needs; every second time the write-ahead log needs a new file too."""
    filler = case.bench.folder / "filler"
    disk = os.statvfs(case.bench.folder)
    left = case.rng.randrange(400_000)
    try:
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - left))
        switches = case.rng.random() < 0.5
        plan = Plan(step="copy", act=lambda _: _switch_wal(case) if switches else None, goes_on=True)
        _, said = through_proxy(case, plan)
    finally:
        filler.unlink()
    return said[0][1] == "unavailable", said


def _switch_wal(case: Case) -> None:
    worker = "SELECT pg_switch_wal()"
    with case.bench.admin() as admin:
        admin.execute(worker)


_CURRENT = "SELECT 1 FROM reconciliation_runs WHERE processor_name = %s AND is_current FOR UPDATE"

WEIGHTS: dict[Callable[[Case], Result], int] = {
    kill_at_step: 6,
    kill_at_a_random_moment: 5,
    cut_before_commit: 2,
    cut_after_commit: 2,
    cut_up: 2,
    cut_down: 2,
    kill_postmaster: 2,
    kill_backend: 2,
    terminate_backend: 2,
    workers_at_once: 4,
    same_key_at_once: 3,
    same_key_and_one_gives_up: 1,
    statement_timeout: 1,
    lock_timeout: 1,
    idle_in_transaction: 1,
    deadlock: 1,
    serialisation_failure: 1,
    disk_full: 2,
}
"""How often each comes in one round of 40."""
