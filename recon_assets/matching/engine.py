"""Runs the stages over two frames in DuckDB. What belongs here: running; the rules are in `stages/`.

Memory is bounded by `memory_limit`; beyond it DuckDB spills into a folder next to the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.domain.discrepancies import PRIORITY_OF_CLASS, DiscrepancyClass
from recon_assets.domain.errors import LimitExceeded
from recon_assets.domain.proof import CurrencyProof
from recon_assets.schemas.currencies import exponents

if TYPE_CHECKING:
    import duckdb

STAGES: Final = Path(__file__).parent / "stages"
DISCREPANCIES_FILE: Final = "discrepancies.parquet"
SAME_ID: Final = "transaction_id"
"""The one pass so far: the same transaction id on both sides."""

_DISCREPANCY_ORDER: Final = "priority, class, transaction_id, side, occurrence"


@dataclass(frozen=True, slots=True)
class Matching:
    """What the matching found. `discrepancies` is a Parquet file, one row per discrepancy; `matched_by_pass` counts
    pairs."""

    discrepancies: Path
    matched_by_pass: Mapping[str, int]
    processor_transactions: int
    ledger_entries: int
    count_by_class: Mapping[DiscrepancyClass, int]
    proofs: tuple[CurrencyProof, ...]


def match_frames(
    *, processor: str, transactions: Path, ledger_entries: Path, into: Path, memory_limit: str = "1GB"
) -> Matching:
    """Compare two frames (`FRAME_SCHEMA`) of one processor-day and write the discrepancies into the folder `into`.

    Rows are in a fixed order, so that equal frames give equal bytes. Raises `LimitExceeded` when two amounts of one
    key lie further apart than 64 bits hold.
    """
    import duckdb

    into.mkdir(parents=True, exist_ok=True)
    spill = into / "spill"
    with duckdb.connect(
        config={"memory_limit": memory_limit, "temp_directory": str(spill), "preserve_insertion_order": "false"}
    ) as connection:
        _declare(connection, processor=processor, transactions=transactions, ledger_entries=ledger_entries)
        for stage in sorted(STAGES.glob("*.sql")):
            _run_stage(connection, stage)
        target = into / DISCREPANCIES_FILE
        connection.execute(
            f"COPY (SELECT * REPLACE (CAST(CAST(discrepancy_id AS UUID) AS VARCHAR) AS discrepancy_id)"  # noqa: S608
            f" FROM discrepancies ORDER BY {_DISCREPANCY_ORDER})"
            f" TO {_quoted(target)} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchall()
        result = _read_result(connection, target)
    if spill.exists():
        spill.rmdir()
    return result


def _declare(
    connection: "duckdb.DuckDBPyConnection", *, processor: str, transactions: Path, ledger_entries: Path
) -> None:
    """Name the inputs of the stages: two views over the frames, the run, and the classes with their priorities."""
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    for name, path in (("transactions", transactions), ("ledger_entries", ledger_entries)):
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({_quoted(path)})").fetchall()  # noqa: S608
    connection.execute("CREATE TEMPORARY TABLE run AS SELECT ? AS processor", [processor]).fetchall()
    connection.execute("CREATE TEMPORARY TABLE classes (class VARCHAR, priority INTEGER)").fetchall()
    connection.executemany(
        "INSERT INTO classes VALUES (?, ?)", [[word.value, int(p)] for word, p in PRIORITY_OF_CLASS.items()]
    ).fetchall()


def _run_stage(connection: "duckdb.DuckDBPyConnection", stage: Path) -> None:
    import duckdb

    try:
        for statement in duckdb.extract_statements(stage.read_text()):
            connection.execute(statement).fetchall()
    except duckdb.OutOfRangeException:  # not chained: its text quotes amounts
        raise LimitExceeded(
            "the difference of two amounts does not fit in 64 bits of minor units",
            where=f"matching stage {stage.stem}",
            remedy="Look for an amount near the 64-bit limit on either side: it is almost surely a misread column.",
        ) from None


def _read_result(connection: "duckdb.DuckDBPyConnection", discrepancies: Path) -> Matching:
    def figure(sql: str) -> int:
        return int(connection.execute(sql).fetchall()[0][0])

    counts = dict(connection.execute("SELECT class, count(*) FROM discrepancies GROUP BY class").fetchall())
    transactions = figure("SELECT count(*) FROM transactions")
    careful = figure("SELECT count(*) FROM processor_candidates")
    proof = connection.sql("SELECT * FROM proof").to_arrow_table().to_pylist()
    return Matching(
        discrepancies=discrepancies,
        matched_by_pass={SAME_ID: transactions - careful + figure("SELECT count(*) FROM exact_pairs")},
        processor_transactions=transactions,
        ledger_entries=figure("SELECT count(*) FROM ledger_entries"),
        count_by_class={word: counts[word.value] for word in DiscrepancyClass if word.value in counts},
        proofs=tuple(_proof(row) for row in proof),
    )


def _proof(row: Mapping[str, Any]) -> CurrencyProof:
    figures = {name: int(value) for name, value in row.items() if name != "currency"}
    return CurrencyProof(currency=row["currency"], exponent=exponents()[row["currency"]], **figures)


def _quoted(path: Path) -> str:
    """A path as an SQL string: DuckDB takes no parameter in these places."""
    return "'" + str(path).replace("'", "''") + "'"
