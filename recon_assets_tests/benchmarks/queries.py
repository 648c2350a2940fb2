"""How fast the record answers when it is large: 100,000 runs, 10,000,000 discrepancies, 1,000,000 check outcomes.

    python -m recon_assets_tests.benchmarks.queries [days] [--plans docs/plans.md]

Starts a PostgreSQL of its own in /var/tmp (about 9 GB, removed at the end), fills it (some minutes), asks every
question (`questions`) 200 times as a client that plans anew each time and 200 times as one that prepares its
statements, and prints p50, p95 and the longest. A question that is late is asked for up to two more rounds of 200, of
which the last stands: a burst of other programs passes, a slow plan stays. Ends with 1 when a p95 is above the limit
in all three. The CPU time beside them is that of client and server.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from recon_assets.settings import Settings
from recon_assets.store.database import Database, open_database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.benchmarks.filling import Extent, fill
from recon_assets_tests.benchmarks.plans import plan_of, shortened, statements_of
from recon_assets_tests.benchmarks.questions import Known, Question, known, questions

DAYS: Final = 3_400
EXECUTIONS: Final = 200
WARM_UP: Final = 10
LIMIT_MS: Final = 20.0
ROUNDS: Final = 3
PREPARE_AFTER: Final = 5
"""Executions, as psycopg does by default."""
SEED: Final = 20_261_124
PROJECT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the client, transaction and tenant included."""

    p50: float
    p95: float
    longest: float
    cpu_p95: float

    @property
    def cells(self) -> str:
        return " | ".join(f"{figure:.1f}" for figure in (self.p50, self.p95, self.longest, self.cpu_p95))


@dataclass(frozen=True, slots=True)
class Answered:
    question: Question
    planned: Times
    prepared: Times
    rounds: int

    @property
    def is_in_time(self) -> bool:
        return max(self.planned.p95, self.prepared.p95) <= LIMIT_MS

    @property
    def row(self) -> str:
        name = self.question.name if self.is_in_time else f"**{self.question.name}**"
        return f"| {name} | {self.planned.cells} | {self.prepared.cells} | {self.rounds} |"


HEADING: Final = """\
| question | planned anew: p50 | p95 | longest | CPU p95 | prepared: p50 | p95 | longest | CPU p95 | rounds |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("days", type=int, nargs="?", default=DAYS, help="business dates of each processor")
    parser.add_argument("--plans", type=Path, help="a file for times and plans, in Markdown")
    parser.add_argument("--only", default="", help="questions whose name has this in it")
    parser.add_argument("--folder", type=Path, help="a filled folder of before, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        folder = options.folder or Path(name)
        folder.chmod(0o755)
        settings = Settings(_env_file=None, RECON_HOME=PROJECT, RECON_DATA_DIR=folder / "data")
        with open_database(settings) as database:
            return benchmark(database, options)


def benchmark(database: Database, options: argparse.Namespace) -> int:
    extent = Extent(until=datetime.now(UTC).date(), days=options.days)
    with database.connect_as_migrator() as superuser:
        superuser.execute("SET statement_timeout = 0")
        if superuser.execute("SELECT 1 FROM reconciliation_runs LIMIT 1").fetchone() is None:
            fill(superuser, extent)
        size = _size(superuser)
        drawn = known(superuser, extent)
    print(f"{size}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n{HEADING}")
    answered = []
    for question in questions():
        if options.only in question.name:
            answered.append(answer(database, question, drawn))
            print(answered[-1].row, flush=True)
    if options.plans:
        options.plans.write_text(report(database, size, answered, drawn))
    return int(not all(each.is_in_time for each in answered))


def answer(database: Database, question: Question, drawn: Known) -> Answered:
    for rounds in range(1, ROUNDS + 1):
        answered = Answered(
            question,
            planned=timed(database, question, drawn, prepare_threshold=None),
            prepared=timed(database, question, drawn, prepare_threshold=PREPARE_AFTER),
            rounds=rounds,
        )
        if answered.is_in_time:
            break
    return answered


def timed(database: Database, question: Question, drawn: Known, *, prepare_threshold: int | None) -> Times:
    """The same parameters for both ways of asking."""
    generator = random.Random(SEED)
    with database.connect() as connection:
        connection.prepare_threshold = prepare_threshold
        for _ in range(WARM_UP):
            question.ask(connection, generator, drawn)
        taken = [_one(connection, question, generator, drawn) for _ in range(EXECUTIONS)]
    wall, cpu = zip(*taken, strict=True)
    return Times(statistics.median(wall), _p95(wall), max(wall), _p95(cpu))


def _p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _one(
    connection: TenantConnection, question: Question, generator: random.Random, drawn: Known
) -> tuple[float, float]:
    """Milliseconds by the clock, and of CPU."""
    started, used = time.perf_counter(), _cpu_s(connection)
    question.ask(connection, generator, drawn)
    return (time.perf_counter() - started) * 1_000, (_cpu_s(connection) - used) * 1_000


def _cpu_s(connection: TenantConnection) -> float:
    """Of this process and of the server's process that serves the connection."""
    serving = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]
    return time.process_time() + int(serving) / 1e9


def _size(superuser: TenantConnection) -> str:
    row = superuser.execute(
        """
        SELECT (SELECT count(*) FROM reconciliation_runs), (SELECT count(*) FROM discrepancies),
            (SELECT count(*) FROM data_quality_checks), (SELECT count(*) FROM outbox),
            pg_size_pretty(pg_database_size(current_database())), current_setting('server_version')
        """
    ).fetchone()
    assert row is not None
    return (
        f"{row[0]:,} runs, {row[1]:,} discrepancies, {row[2]:,} check outcomes, {row[3]:,} messages: {row[4]} in "
        f"PostgreSQL {row[5]}"
    )


def report(database: Database, size: str, answered: list[Answered], drawn: Known) -> str:
    """Times and plans for people who ask why."""
    parts = [
        (
            f"# Plans\n\nWritten by `make benchmark-queries`; not edited. {size};\n{os.cpu_count()} cores. "
            f"Milliseconds of the client, transaction included; the limit of each p95 is {LIMIT_MS:.0f}.\nA question "
            f"that was late was asked again, {ROUNDS} rounds at most. Partitions that are read alike are counted.\n"
        ),
        HEADING,
        *(each.row for each in answered),
    ]
    with database.connect() as connection:
        for each in answered:
            parts.append(f"\n## {each.question.name}\n")
            for text, parameters in statements_of(each.question, connection, random.Random(SEED), drawn):
                executed = "ANALYZE, TIMING OFF, " if text.lstrip().startswith("SELECT") else ""
                plan = plan_of(connection, text, parameters, options=f"{executed}COSTS OFF")
                parts.append("\n".join(["```", *shortened(plan), "```"]))
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
