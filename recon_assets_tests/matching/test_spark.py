"""The same stages on Spark as on DuckDB: equal files, row by row and type by type. One Spark for all tests."""

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.errors import ConfigurationError, LimitExceeded
from recon_assets.matching.engine import Day, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import Engine, Spark, running
from recon_assets_tests.matching.engine_days import DATE, EVERY_KIND_OF_PASS, day_of_everything, differences, random_day
from recon_assets_tests.matching.frames import Record, write_frame_file

pytestmark = pytest.mark.xdist_group("spark")  # one Spark is enough: each takes half a minute to start

LONE_RECORDS = {"missing_in_ledger", "missing_at_processor", "pending_in_ledger", "pending_at_processor"}


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Spark of two threads that compiles little: these days are small."""
    if shutil.which("java") is None:
        pytest.skip("there is no Java here")
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(
        "spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC\n"
        "spark.sql.codegen.wholeStage false\n"
        "spark.sql.codegen.factoryMode NO_CODEGEN\n"
        "spark.sql.adaptive.enabled false\n"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_CONF_DIR", str(folder))
        environment.setenv("TZ", "America/New_York")  # of no matter to instants
        yield Spark("local[2]")
        from pyspark.sql import SparkSession

        SparkSession.builder.getOrCreate().stop()


def test_a_day_of_every_class_and_every_kind_of_pass_is_the_same_on_spark(tmp_path: Path, spark: Engine) -> None:
    day, rules = day_of_everything(tmp_path), MatchingRules.model_validate(EVERY_KIND_OF_PASS)

    on_duckdb = match_day(day, rules, into=tmp_path / "duckdb")
    on_spark = match_day(day, rules, into=tmp_path / "spark", engine=spark)

    assert differences(on_duckdb, on_spark) == []
    named = {word.value for word in on_duckdb.count_by_class}
    assert named - LONE_RECORDS == {word.value for word in DiscrepancyClass} - LONE_RECORDS
    assert named & LONE_RECORDS == {"pending_in_ledger", "missing_at_processor"}
    assert {name for name, matches in on_duckdb.matched_by_pass.items() if matches.matches} == {
        "transaction_id",
        "order",
        "payouts",
        "look_alikes",
    }


def test_twenty_thousand_random_records_a_side_are_the_same_on_spark(tmp_path: Path, spark: Engine) -> None:
    day = random_day(tmp_path, records=20_500)
    rules = MatchingRules.model_validate({"grace": {"processor": 2}})

    on_duckdb = match_day(day, rules, into=tmp_path / "duckdb")
    on_spark = match_day(day, rules, into=tmp_path / "spark", engine=spark)

    assert differences(on_duckdb, on_spark) == []
    assert {"missing_in_ledger", "pending_at_processor"} <= {word.value for word in on_duckdb.count_by_class}


def test_a_difference_beyond_64_bits_is_refused_on_spark_and_not_repeated(
    tmp_path: Path, spark: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    largest = 2**63 - 1
    day = Day(
        processor="stripe",
        business_date=DATE,
        transactions=write_frame_file(tmp_path / "transactions.parquet", [Record("a", largest)]),
        ledger_entries=write_frame_file(tmp_path / "ledger_entries.parquet", [Record("a", -largest)]),
    )

    with pytest.raises(LimitExceeded, match="does not fit in 64 bits") as caught:
        match_day(day, MatchingRules(), into=tmp_path / "spark", engine=spark)

    written = capfd.readouterr()
    assert str(largest) not in f"{caught.value} {written.out} {written.err}"


def test_totals_beyond_64_bits_are_exact_on_spark(tmp_path: Path, spark: Engine) -> None:
    largest = 2**63 - 1
    transactions = [Record("a", largest), Record("b", largest), Record("c", -largest)]
    day = Day(
        processor="stripe",
        business_date=DATE,
        transactions=write_frame_file(tmp_path / "transactions.parquet", transactions),
        ledger_entries=write_frame_file(tmp_path / "ledger_entries.parquet", transactions[:2]),
    )

    (proof,) = match_day(day, MatchingRules(), into=tmp_path / "spark", engine=spark).proofs

    assert (proof.processor_total_minor, proof.ledger_total_minor) == (largest, 2 * largest)
    assert (proof.volume_minor, proof.residual_minor) == (3 * largest, 0)


@pytest.mark.parametrize("package", ["pyspark", "sqlglot"])
def test_a_missing_package_is_told_with_what_to_do(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in ("pyspark", "sqlglot"):
        pytest.importorskip(needed, reason="the extra `spark` is not installed")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    for module in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConfigurationError, match=f"the package {package} is not installed.*Install the extra `spark`"):
        running(Spark("local[2]"), spill=tmp_path).__enter__()


def test_a_machine_without_java_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigurationError, match=r"Spark needs Java.*Install the extra `spark` and Java 17"):
        running(Spark("local[2]"), spill=tmp_path).__enter__()


def test_a_connect_server_that_does_not_answer_is_told_without_its_token(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        remote = f"sc://127.0.0.1:{reserved.getsockname()[1]}/;token=secret"

        with pytest.raises(ConfigurationError, match="no Spark Connect server answers") as caught:
            running(Spark(remote), spill=tmp_path).__enter__()

    assert "secret" not in f"{caught.value!r} {Spark(remote)!r}"
