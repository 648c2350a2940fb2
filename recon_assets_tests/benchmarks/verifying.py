"""What it takes to seal and verify a long audit log, by Python that trusts no function of the database and inside it.

    python -m recon_assets_tests.benchmarks.verifying [events]

Every event is written by the triggers: half begin a run, half end it. Fails when a million events take Python more than
30 s, or anything is found.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Final, TypeVar

from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.bench import PROJECT, new_bench

EVENTS: Final = 1_000_000
LIMIT_S_PER_MILLION: Final = 30.0
DAYS: Final = 1_000

BEGIN: Final = """
    INSERT INTO reconciliation_runs (processor_name, run_date, version, status, idempotency_key, start_time)
    SELECT 'p' || (n %% 10), date '2020-01-01' + (n / 10 %% {days})::integer, n / (10 * {days}) + 1, 'running',
        gen_random_uuid()::text, timestamptz '2025-10-01' + n * interval '1 second'
    FROM generate_series(0, %(runs)s - 1) AS n
"""
END: Final = """
    UPDATE reconciliation_runs SET status = 'failed', end_time = start_time + interval '9 seconds',
        failed_stage = 'transactions', failure_reason = 'the feed did not answer in time'
"""

Result = TypeVar("Result")


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with new_bench() as bench, session_as_superuser(bench.database) as connection:
        with connection.transaction():
            connection.execute(BEGIN.format(days=DAYS).encode(), {"runs": events // 2})
            connection.execute(END)
        seals, sealing_s, _ = timed(lambda: seal_audit(connection, wait_ms=60_000))
        found, python_s, python_cpu_s = timed(lambda: verify_audit(connection, sql_dir=PROJECT / "sql"))
        inside, inside_s, _ = timed(lambda: verify_inside(connection))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{found.checked['events']:,} events in {len(seals)} seals: sealed in {sealing_s:.1f} s")
    print(f"verified in Python in {python_s:.1f} s, {python_cpu_s:.1f} CPU s, peak {peak_mib:.0f} MiB")
    print(f"verified inside the database in {inside_s:.1f} s")
    assert (found.problems, found.unsealed, inside) == ([], 0, []), "something is found in a record that is sound"
    assert python_s <= LIMIT_S_PER_MILLION * max(1, events / EVENTS), "verifying takes too long"


def timed(what: Callable[[], Result]) -> tuple[Result, float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    result = what()
    return result, time.perf_counter() - started, time.process_time() - cpu


if __name__ == "__main__":
    main()
