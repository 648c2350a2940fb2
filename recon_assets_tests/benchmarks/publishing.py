"""What publishing a day costs, beside the same rows inserted without audit, guards and row-level security.

    python -m recon_assets_tests.benchmarks.publishing [rows] [rounds]

Rounds are interleaved on one durable server of its own. Server CPU is that of the connection's backend. Fails when
publishing takes more than twice the bare staged insert, an unchanged day more than a second per 100,000 rows, or the
audit of a day of a million rows more than a mebibyte.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.conclusion import Conclusion
from recon_assets.store.answer_rows import INSERT_DISCREPANCIES, facts_of_rows
from recon_assets.store.publication import publish_run
from recon_assets.store.runs import begin_run
from recon_assets.store.staging import MATCHING_COLUMNS, stage_discrepancies
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.bench import new_bench
from recon_assets_tests.store.builders import DAY, STARTED, conclusion, missing

ROWS: Final = 100_000
ROUNDS: Final = 5
LIMIT_RATIO: Final = 2.0
UNCHANGED_S_PER_100_000: Final = 1.0
AUDIT_ROWS: Final = 1_000_000
AUDIT_LIMIT_BYTES: Final = 1 << 20
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

PLAIN_TABLE: Final = """
    CREATE TABLE plain (LIKE discrepancies INCLUDING ALL);
    ALTER TABLE plain ALTER COLUMN tenant_id SET DEFAULT '00000000-0000-4000-8000-000000000001';
    ALTER TABLE plain ADD FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id);
"""
BUILT_APART: Final = """
    CREATE TABLE apart (LIKE discrepancies INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED);
    ALTER TABLE apart ALTER COLUMN tenant_id SET DEFAULT '00000000-0000-4000-8000-000000000001';
    CREATE TRIGGER audit_insert AFTER INSERT ON apart REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit_digest();
"""
INDEXES: Final = """
    SELECT replace(
        replace(pg_get_indexdef(i.indexrelid), c.relname, 'apart'), 'ON public.discrepancies_2025_09', 'ON apart'
    )
    FROM pg_index AS i INNER JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'discrepancies_2025_09'::regclass
"""
REFERENCE: Final = (
    "ALTER TABLE apart ADD FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id)"
)


@dataclass(frozen=True, slots=True)
class Measured:
    wall_s: float
    server_s: float


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with new_bench() as bench, bench.database.connect() as application, session_as_superuser(bench.database) as admin:
        with admin.transaction():
            admin.execute("SELECT ensure_month(%s)", [DAY])
        day, answer = write_day(bench.inputs / "day.parquet", rows)
        publications = Publications(application, day, answer)
        measured: dict[str, list[Measured]] = {"bare": [], "apart": [], "published": [], "unchanged": []}
        for _ in range(rounds):
            measured["bare"].append(insert_into(admin, day, PLAIN_TABLE, "plain"))
            measured["apart"].append(insert_into(admin, day, BUILT_APART, "apart", keys_afterwards=True))
            measured["published"].append(publications.measure(fingerprint=str(uuid4())))
            measured["unchanged"].append(publications.measure(fingerprint=publications.last_fingerprint))
        grown = audit_of_a_large_day(bench.inputs / "large.parquet", application, admin)
    report(measured, rows, grown)


def write_day(file: Path, rows: int) -> tuple[Path, Conclusion]:
    """A day in which every transaction is missing in the ledger, with ids and amounts from a fixed seed."""
    rng = random.Random(20_250_930)
    first = missing("x", merchant_id="MERCHANT_001", reference_number="ORDER-1", fee_minor=41)
    template = pa.Table.from_pylist([first] * rows, schema=MATCHING_COLUMNS)
    amounts = [rng.randrange(1, 10**7) for _ in range(rows)]
    changed = {
        "discrepancy_id": [f"{rng.getrandbits(128):032x}" for _ in range(rows)],
        "transaction_id": [f"txn_{rng.getrandbits(96):024x}" for _ in range(rows)],
        "amount_minor": amounts,
        "processor_amount_minor": amounts,
        "processor_seq": list(range(rows)),
    }
    for name, values in changed.items():
        at = MATCHING_COLUMNS.get_field_index(name)
        template = template.set_column(
            at, MATCHING_COLUMNS.field(at), pa.array(values, MATCHING_COLUMNS.field(at).type)
        )
    pq.write_table(template, file, compression="zstd")
    alike = {"class": "missing_in_ledger", "outcome": "discrepancy", "currency": "USD"}
    names = [alike | {"amount_minor": amount} for amount in amounts]
    return file, conclusion(names)


@dataclass
class Publications:
    """Publishes the same day again and again, each time as a new run."""

    connection: TenantConnection
    day: Path
    answer: Conclusion
    last_fingerprint: str = ""

    def measure(self, *, fingerprint: str) -> Measured:
        self.last_fingerprint = fingerprint
        with stopwatch(self.connection) as measured:
            run = begin_run(
                self.connection,
                processor="stripe",
                business_date=DAY,
                idempotency_key=str(uuid4()),
                dagster_run_id=None,
                started_at=STARTED,
            )
            publish_run(
                self.connection,
                run_id=run.run_id,
                conclusion=self.answer,
                discrepancies=self.day,
                input_fingerprint=fingerprint,
            )
        return measured()


def insert_into(
    admin: TenantConnection, day: Path, create: str, table: str, *, keys_afterwards: bool = False
) -> Measured:
    """The same staging and the same INSERT into a table without row-level security."""
    with admin.transaction():
        admin.execute(f"DROP TABLE IF EXISTS {table}".encode())
        admin.execute(create.encode())
        run_id = admin.execute(
            """
            INSERT INTO reconciliation_runs (processor_name, run_date, version, status, idempotency_key, start_time)
            VALUES ('bare', '2025-09-30', (SELECT count(*) + 1 FROM reconciliation_runs), 'running', %s, now())
            RETURNING id
            """,
            [str(uuid4())],
        ).fetchone()[0]
    insert = INSERT_DISCREPANCIES.replace("INTO discrepancies", f"INTO {table}")
    with stopwatch(admin) as measured, admin.transaction():
        stage_discrepancies(admin, day)
        admin.execute(insert.encode(), facts_of_rows(run_id, conclusion([])))
        if keys_afterwards:
            for number, (index,) in enumerate(admin.execute(INDEXES.encode()).fetchall()):
                admin.execute(index.replace("INDEX apart", f"INDEX apart_{number}").encode())
            admin.execute(REFERENCE)
    return measured()


def audit_of_a_large_day(file: Path, application: TenantConnection, admin: TenantConnection) -> int:
    """By how many bytes the audit log grows with a day of a million discrepancies."""
    day, answer = write_day(file, AUDIT_ROWS)
    size = "SELECT pg_total_relation_size('audit_log') + pg_total_relation_size('audit_seals')"
    with admin.transaction():
        before = admin.execute(size).fetchone()[0]
    Publications(application, day, answer).measure(fingerprint="large")
    with admin.transaction():
        return admin.execute(size).fetchone()[0] - before


@contextmanager
def stopwatch(connection: TenantConnection) -> Iterator[Callable[[], Measured]]:
    found: list[Measured] = []
    cpu, started = server_cpu_s(connection), time.perf_counter()
    yield lambda: found[0]
    found.append(Measured(time.perf_counter() - started, server_cpu_s(connection) - cpu))


def server_cpu_s(connection: TenantConnection) -> float:
    stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS_PER_SECOND


def report(measured: dict[str, list[Measured]], rows: int, grown: int) -> None:
    median = {
        name: Measured(statistics.median(m.wall_s for m in all_), statistics.median(m.server_s for m in all_))
        for name, all_ in measured.items()
    }
    for name, one in median.items():
        speed = f"{1e6 * one.server_s / rows:5.1f} us/row, {rows / max(one.server_s, 1e-9):9,.0f} rows/s of server CPU"
        print(f"{name:10} {one.wall_s:6.2f} s wall  {one.server_s:6.2f} s server CPU  {speed}")
    ratios = [p.wall_s / b.wall_s for p, b in zip(measured["published"], measured["bare"], strict=True)]
    ratio = statistics.median(ratios)
    print(f"published / bare: {ratio:.2f} (limit {LIMIT_RATIO}); audit of {AUDIT_ROWS:,} rows: {grown:,} bytes")
    assert ratio <= LIMIT_RATIO, "publishing costs more than twice the bare insert"
    assert median["unchanged"].wall_s <= UNCHANGED_S_PER_100_000 * rows / 100_000, "an unchanged day takes too long"
    assert grown <= AUDIT_LIMIT_BYTES, "the audit of a large day is too large"


if __name__ == "__main__":
    main()
