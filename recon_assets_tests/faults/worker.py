"""The program that is killed: it publishes a prepared day through the product's own functions, or naively.

It is forked from a fork server that has imported everything. It says `ready`, waits for `go`, works, tells its outcome.
"""

import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import IsolationLevel

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.errors import ReconError, StoreUnavailable, TransientError
from recon_assets.store.checks import AssetOutcomes
from recon_assets.store.database import Database
from recon_assets.store.publication import publish_run
from recon_assets.store.runs import DAY_LOCK_WAIT_S, begin_run, processor_day_lock, record_failure
from recon_assets.store.staging import STAGED_COLUMNS
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.days import PreparedDay
from recon_assets_tests.store.builders import DAY, STARTED

PATIENCE_S: Final = 60
NAIVE_BATCH_ROWS: Final = 50
OUTCOME: Final = CheckOutcome(
    "proof_residual_is_zero", passed=True, severity=Severity.ERROR, description="0", rows_checked=1
)
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["recon_assets_tests.faults.worker"])


@dataclass(frozen=True, slots=True)
class Job:
    database: Database
    day: PreparedDay
    dagster_run_id: str
    wait_s: float = DAY_LOCK_WAIT_S
    limits: dict[str, str] = field(default_factory=dict)
    isolation: IsolationLevel | None = None


def publish_day(job: Job) -> None:
    """As the asset `discrepancies` does, without the matching."""
    day = job.day
    with job.database.connect() as connection:
        for name, value in job.limits.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        connection.commit()
        connection.isolation_level = job.isolation
        with processor_day_lock(connection, day.answer.processor, DAY, wait_s=job.wait_s):
            run = begin_run(
                connection,
                processor=day.answer.processor,
                business_date=DAY,
                idempotency_key=day.key,
                dagster_run_id=job.dagster_run_id,
                started_at=STARTED,
            )
            publish_run(
                connection,
                run_id=run.run_id,
                conclusion=day.answer,
                discrepancies=day.file,
                input_fingerprint=day.key,
                checks=AssetOutcomes(f"{day.answer.processor}/discrepancies", [OUTCOME]),
            )


def publish_and_say(job: Job) -> str:
    """The outcome in a word; a failure is recorded as `running_stage` does."""
    try:
        publish_day(job)
    except ReconError as error:
        with suppress(StoreUnavailable, psycopg.Error), job.database.connect() as connection:
            record_failure(
                connection,
                processor=job.day.answer.processor,
                business_date=DAY,
                idempotency_key=job.day.key,
                dagster_run_id=job.dagster_run_id,
                stage="discrepancies",
                reason=str(error),
                started_at=STARTED,
            )
        return "unavailable" if isinstance(error, TransientError) else f"refused: {error.what}"
    except Exception as error:  # noqa: BLE001 (an error that is not ours is a finding)
        return f"crashed: {type(error).__name__}"
    return "published"


def publish_naively(job: Job) -> str:
    """The control: delete, insert in batches, update, each committed by itself. Its tables have no triggers."""
    day, columns = job.day, STAGED_COLUMNS.split(", ")
    insert = f"""
        INSERT INTO discrepancies (id, run_id, processor_name, business_date, exponent, {STAGED_COLUMNS})
        VALUES (gen_random_uuid(), %s, %s, %s, 2, {", ".join(["%s"] * len(columns))})
    """.encode()
    with session_as_superuser(job.database, autocommit=True) as connection:
        processor = day.answer.processor
        find = "SELECT id FROM reconciliation_runs WHERE processor_name = %s"
        (run_id,) = connection.execute(find, [processor]).fetchone()
        connection.execute("DELETE FROM discrepancies WHERE run_id = %s", [run_id])
        for start in range(0, len(day.rows), NAIVE_BATCH_ROWS):
            with connection.transaction(), connection.cursor() as cursor:
                batch = day.rows[start : start + NAIVE_BATCH_ROWS]
                cursor.executemany(
                    insert, [[run_id, processor, DAY, *(row.get(name) for name in columns)] for row in batch]
                )
        connection.execute(
            "UPDATE reconciliation_runs SET is_current = TRUE, idempotency_key = %s, discrepancy_count = %s "
            "WHERE id = %s",
            [day.key, len(day.rows), run_id],
        )
    return "published"


class Worker:
    """One process, started and ready; it works when told to `go`."""

    def __init__(self, job: Job, does: Callable[[Job], str] = publish_and_say) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_work, args=(job, theirs, does))
        self._process.start()
        theirs.close()
        assert self._pipe.poll(PATIENCE_S), "the worker does not start"
        self._pipe.recv()
        self.pid = self._process.pid

    def go(self) -> None:
        self._pipe.send("go")

    def kill(self) -> None:
        self._process.kill()

    def outcome(self) -> str:
        """Waits for the end. `killed` is death by SIGKILL."""
        try:
            said = self._pipe.recv() if self._pipe.poll(PATIENCE_S) else "hung"
        except (EOFError, ConnectionResetError):
            said = ""
        if said == "hung":
            self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self._pipe.close()
        return said or ("killed" if code == -9 else f"crashed: exit {code}")


def _work(job: Job, pipe, does: Callable[[Job], str]) -> None:
    pipe.send(f"ready {os.getpid()}")
    pipe.recv()
    pipe.send(does(job))
