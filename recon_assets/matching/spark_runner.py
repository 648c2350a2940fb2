"""Runs the same stages on Spark: each table is kept where Spark computed it.

What belongs here: sessions, views, rows that come back. Not here: the SQL, which `spark_sql` translates.
"""

import os
import shutil
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from recon_assets.domain.errors import ConfigurationError
from recon_assets.matching.runner import Table, difference_too_large, tables_of
from recon_assets.matching.spark_sql import Statement, translated

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

SESSION: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.constraintPropagation.enabled": "false",
}
"""Without ANSI mode an integer that overflows would wrap silently. With constraints Spark 4.3 fails at some checkpoints
("key not found"), where it found that one half of a union is empty.
"""

LOCAL: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
"""A Spark inside this machine listens to nobody else."""

ROWS_FETCHED: Final = 20_000
"""So many rows at once are Python objects on their way into a Parquet file."""
CONNECT_PORT: Final = 15_002
CONNECT_TIMEOUT_S: Final = 10.0

_SETTING: Final = "RECON_SPARK_REMOTE"
_INSTALL: Final = "Install the extra `spark` and Java 17 or newer, or leave RECON_MATCHING_ENGINE at duckdb."


class SparkRunner:
    """The tables and views of one matching, as temporary views of a session that nobody else uses."""

    stops_at_limit: ClassVar = False

    def __init__(self, session: "SparkSession") -> None:
        self._session = session
        self._names: set[str] = set()
        self._kept: list[DataFrame] = []

    def frame(self, name: str, paths: Sequence[Path]) -> None:
        """A view over Parquet files of one schema."""
        self._name(name, self._session.read.parquet(*(str(path) for path in paths)))

    def view(self, name: str, query: str) -> None:
        """A view, or another in its place."""
        self._name(name, self._session.sql(translated(query).sql))

    def table(self, name: str, query: str) -> None:
        """A table with the rows of a query, or another in its place.

        Raises `LimitExceeded` when a difference of amounts does not fit in 64 bits.
        """
        from pyspark.errors import PySparkException

        try:
            self._table(name, translated(query))
        except PySparkException as error:
            if "OVERFLOW" in (error.getCondition() or ""):
                raise difference_too_large(name) from None
            raise

    def stage(self, name: str) -> None:
        """All tables of one file of `stages/`, each in its turn."""
        for table in tables_of(name):
            self.table(table.name, table.query)

    def derived(self, name: str, parts: Sequence[Table]) -> None:
        """A table with the rows of the last of `parts`, each of which may read those before it: a table of each."""
        *before, last = parts
        for part in before:
            self.table(part.name, part.query)
        self.table(name, last.query)

    def derived_file(self, name: str, parts: Sequence[Table], *, order: str, file: Path) -> None:
        """As `derived`, and the same rows as a Parquet file in an order."""
        self.derived(name, parts)
        self.write(f"SELECT * FROM {name} ORDER BY {order}", file)  # noqa: S608 - columns of ours

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a small query."""
        return [row.asDict() for row in self._session.sql(translated(query).sql).collect()]

    def write(self, query: str, file: Path) -> None:
        """The rows of a query as Parquet, in the query's order."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = self._session.sql(translated(query).sql)
        schema = _arrow_schema(found.schema)
        # as integers: Python would take instants for the time of its own zone
        columns = (
            f"unix_micros(`{field.name}`) AS `{field.name}`" if pa.types.is_timestamp(field.type) else f"`{field.name}`"
            for field in schema
        )
        rows = found.selectExpr(*columns).toLocalIterator()
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            while fetched := list(islice(rows, ROWS_FETCHED)):
                values = zip(*fetched, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
                writer.write_batch(pa.record_batch(arrays, schema=schema))

    def close(self) -> None:
        """Forget everything, so that Spark may free what it keeps."""
        for name in self._names:
            self._session.catalog.dropTempView(name)
        for rows in self._kept:
            rows.unpersist()

    def _table(self, name: str, statement: Statement) -> None:
        """Computed now, and cut off from what it was computed from.

        A plain cache would not do: plans grow with every table that reads an earlier one, and after some steps Spark
        spends minutes on them. Nor would a checkpoint alone: it inherits its plan's estimate of the size, which for a
        join is the product of both sides' and soon has a million digits. A cache that was read knows its size.
        """
        rows = self._session.sql(statement.sql)
        if not statement.is_constant:
            rows = rows.localCheckpoint(eager=True)
            # columns of its own: the order of the rows may be by one that is none of them, which a cache fails at
            columns = [rows[name].alias(name, metadata={"table": len(self._kept)}) for name in rows.columns]
            rows = rows.select(*columns).persist()
            rows.count()
            self._kept.append(rows)
        self._name(name, rows)

    def _name(self, name: str, rows: "DataFrame") -> None:
        rows.createOrReplaceTempView(name)
        self._names.add(name)


@contextmanager
def spark_runner(remote: str) -> Iterator[SparkRunner]:
    """A runner with a session of its own at `remote`: `local[2]`, another master, or `sc://host:port`.

    A local Spark is started once per process and left running, since starting takes seconds.
    Raises `ConfigurationError` when pyspark, sqlglot or Java is missing, or nothing answers at that address.
    """
    session = _session(remote)
    runner = SparkRunner(session)
    try:
        yield runner
    finally:
        runner.close()
        if _is_cluster(remote):
            session.stop()  # what the server keeps for it is gone with it


def _arrow_schema(schema: "StructType") -> "pa.Schema":
    """The types of the columns as DuckDB writes them."""
    import pyarrow as pa

    arrow = {
        "string": pa.string(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    return pa.schema([pa.field(field.name, arrow[field.dataType.simpleString()]) for field in schema])


def _session(remote: str) -> "SparkSession":
    if _is_cluster(remote):
        _require_answer(remote)
    elif not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise ConfigurationError("Spark needs Java, and there is none", where=_SETTING, remedy=_INSTALL)
    try:
        session = _started(remote)
    except ImportError as error:
        package = str(error.name).partition(".")[0]
        raise ConfigurationError(
            f"the package {package} is not installed", where="RECON_MATCHING_ENGINE=spark", remedy=_INSTALL
        ) from error
    for name, value in SESSION.items():
        session.conf.set(name, value)
    return session


def _started(remote: str) -> "SparkSession":
    with warnings.catch_warnings():
        # of frames of pandas 3, which are never handed to it
        warnings.simplefilter("ignore", FutureWarning)
        import sqlglot  # noqa: F401 - better missed now than in the middle of a stage
        from pyspark.errors import PySparkException
        from pyspark.logger import PySparkLogger
        from pyspark.sql import SparkSession

        # it writes what failed, amounts included, to standard error
        PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
        try:
            if _is_cluster(remote):
                # not newSession: what is checkpointed belongs to the active session, which only `create` sets
                return SparkSession.builder.remote(remote).create()
            return _local(SparkSession.builder, remote)
        except PySparkException as error:
            raise ConfigurationError("Spark does not start", where=_SETTING, remedy=_INSTALL) from error


def _is_cluster(remote: str) -> bool:
    return remote.startswith("sc://")


def _local(builder: "SparkSession.Builder", master: str) -> "SparkSession":
    for name, value in LOCAL.items():
        builder = builder.config(name, value)
    spark = builder.master(master).appName("recon").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")  # what fails in Spark is logged with its values
    session = spark.newSession()
    session.conf.set("spark.sql.shuffle.partitions", str(spark.sparkContext.defaultParallelism))
    return session


def _require_answer(remote: str) -> None:
    """Spark's own client would try for minutes."""
    address = urlsplit(remote)
    try:
        socket.create_connection((address.hostname or "", address.port or CONNECT_PORT), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "no Spark Connect server answers there", where=_SETTING, remedy="Correct the address, or start the server."
        ) from error
