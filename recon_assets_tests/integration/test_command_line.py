"""The commands of the README on a fresh data folder, as a new user types them.

Those that start, keep up or stop a server are processes of their own, and one that reads is; the rest is called here.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from recon_assets.settings import Settings
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.conftest import settings_of_an_own_server
from recon_assets_tests.integration.deployments import Deployment, with_configuration

README = Path(__file__).resolve().parents[2] / "README.md"
ANSWERS = """
SELECT processor_name, run_date, verdict, discrepancy_count, total_discrepancy_amount
FROM reconciliation_runs WHERE is_current ORDER BY 1, 2
"""


@pytest.fixture
def fresh(own_server_settings: Settings) -> Deployment:
    return Deployment(own_server_settings)


@pytest.fixture(scope="module")
def demonstrated() -> Iterator[Deployment]:
    """After `recon demo`. Nothing changes its answers."""
    with settings_of_an_own_server() as settings:
        fresh = Deployment(settings)
        finished = fresh.recon("demo")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        yield fresh


on_the_demo = pytest.mark.xdist_group("demo")


@on_the_demo
def test_the_demo_shows_what_the_readme_prints_and_again_gives_the_same_answer(demonstrated: Deployment) -> None:
    first = demonstrated.query(ANSWERS)
    again = demonstrated.recon("demo")

    (printed,) = re.findall(r"\$ make demo\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert _table(again.stdout) == _table(printed)
    assert again.stderr == ""
    assert demonstrated.query(ANSWERS) == first
    assert not EmbeddedServer(demonstrated.settings.data_dir).is_running(), "the demo cleans up"


def _table(output: str) -> list[list[str]]:
    """The rows that price something, however wide the terminal is."""
    return [line.split() for line in output.splitlines() if " USD" in line]


@on_the_demo
def test_the_sql_of_the_readme_runs_as_it_stands_by_the_command_and_by_any_client(demonstrated: Deployment) -> None:
    url = demonstrated.recon("dsn").stdout.strip()
    queries = re.findall(r"```sql\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(queries) == 3
    with psycopg.connect(url) as client:
        for query, command in zip(queries, (demonstrated.recon, demonstrated.call, demonstrated.call), strict=True):
            told = command("sql", query, "--format", "csv")
            assert told.returncode == 0, told.stderr
            assert len(list(csv.reader(io.StringIO(told.stdout)))) == len(client.execute(query.encode()).fetchall()) + 1

    exact = demonstrated.call(
        "sql", "SELECT sum(amount) AS s FROM missing_transactions WHERE processor_name = 'stripe'"
        " AND transaction_date = '2025-09-30'", "--format", "json",
    )  # fmt: skip
    assert json.loads(exact.stdout, parse_float=Decimal) == [{"s": Decimal("19.95")}]
    refused = demonstrated.call("sql", "DELETE FROM discrepancies")
    assert refused.returncode == 1
    assert "read-only" in refused.stderr
    shown = demonstrated.call("show", "stripe", "2025-09-29")
    assert shown.returncode == 0
    assert all(word in shown.stdout for word in ("currency_mismatch", "TXN_STRIPE_20250929_9001", "page-00001.json:"))
    incomplete = demonstrated.call("show", "stripe", "2025-09-28")
    assert incomplete.returncode == 1
    assert "the ledger feed is empty" in incomplete.stdout
    assert "likely cause: the ledger feed has no records: all 30 of the processor stand alone" in incomplete.stdout
    status = demonstrated.call("status")
    assert status.returncode == 0
    assert status.stdout.count("2025-09-30") == 3

    assert EmbeddedServer(demonstrated.settings.data_dir).is_running(), "`recon dsn` keeps the server up"
    demonstrated.recon("db", "stop")
    assert not EmbeddedServer(demonstrated.settings.data_dir).is_running()


def test_the_doctor_names_what_is_down_and_writes_it_into_the_record(settings: Settings, tmp_path: Path) -> None:
    deployment = with_configuration(settings, tmp_path, http_attempts=1)
    deployment.http_processor("good").http_processor("bad", ledger_url="http://127.0.0.1:9")

    examined = deployment.call("doctor")

    assert examined.returncode == 1, examined.stderr
    found = dict(deployment.query("SELECT component, status FROM system_health"))
    assert found == {
        "database": "healthy",
        "storage": "healthy",
        "archive": "healthy",
        "good processor feed": "degraded",
        "good ledger feed": "degraded",
        "bad processor feed": "degraded",
        "bad ledger feed": "down",
        "messages": "healthy",
        "unproven days": "degraded",
    }, "demonstration data beside a database of one's own is worth a warning"
    assert "127.0.0.1:9" in examined.stdout


def test_the_doctor_warns_of_a_login_that_could_do_more_than_the_application_needs(
    settings: Settings, tmp_path: Path
) -> None:
    deployment = with_configuration(settings, tmp_path).http_processor("good")
    examined = deployment.call("doctor", DB_USER="postgres")
    assert examined.returncode == 0, examined.stderr
    ((status, reason),) = deployment.query("SELECT status, reason FROM system_health WHERE component = 'database'")
    assert status == "degraded"
    assert "its login postgres could do more than the application needs: it is a superuser" in reason


def test_a_database_that_does_not_answer_is_one_sentence_without_a_password(fresh: Deployment) -> None:
    settings = fresh.settings.model_copy(update={"db_host": "127.0.0.1"})
    environment = Deployment(settings)

    finished = environment.call(
        "run", "--processors", "stripe", "--date", "2025-09-30", DB_PORT="9", DB_PASSWORD="s3cret"
    )

    assert finished.returncode == 1
    assert "127.0.0.1:9" in finished.stderr
    assert "s3cret" not in finished.stderr + finished.stdout
    assert "Traceback" not in finished.stderr
