"""`recon doctor` when the database is down, wrongly configured, or nearly full."""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recon_assets.settings import Settings
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.integration.deployments import Deployment, with_configuration


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Deployment:
    return with_configuration(settings, tmp_path, http_attempts=1).http_processor("good")


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def table(printed: str) -> dict[str, tuple[str, str]]:
    """State and reason by component; a long reason goes on in rows without a component."""
    found: dict[str, tuple[str, str]] = {}
    for line in printed.splitlines():
        if line.startswith("│"):
            component, state, _, reason = (cell.strip() for cell in line.strip("│").split("│"))
            if component:
                name, found[component] = component, (state, reason)
            else:
                found[name] = (found[name][0], f"{found[name][1]} {reason}")
    return found


def test_a_server_that_is_down_is_one_component_and_the_others_are_looked_at(
    deployment: Deployment, closed_port: int
) -> None:
    examined = deployment.call("doctor", DB_HOST="127.0.0.1", DB_PORT=str(closed_port), DB_PASSWORD="s3cret")

    assert (examined.returncode, examined.stderr) == (1, "")
    found = table(examined.stdout)
    assert {component: state for component, (state, _) in found.items()} == {
        "database": "down",
        "storage": "healthy",
        "archive": "healthy",
        "good processor feed": "degraded",
        "good ledger feed": "degraded",
    }
    assert found["database"][1].startswith("the database can't be reached: connection failed: ")
    assert f"(127.0.0.1:{closed_port}). Check that it runs there" in found["database"][1]
    assert "s3cret" not in examined.stdout


def test_a_demand_for_tls_that_can_not_be_met_is_named_and_nothing_is_started(own_server_settings: Settings) -> None:
    examined = Deployment(own_server_settings).call("doctor", DB_SSLMODE="verify-full")

    assert (examined.returncode, examined.stderr) == (1, "")
    state, reason = table(examined.stdout)["database"]
    assert state == "down"
    assert reason.startswith("DB_SSLMODE=verify-full demands TLS, which a socket on the same machine does not have")
    assert not EmbeddedServer(own_server_settings.data_dir).is_running()


def test_a_server_with_less_room_than_the_pool_may_want_is_degraded(deployment: Deployment, superuser) -> None:
    superuser.execute(f"ALTER DATABASE {deployment.settings.db_name} CONNECTION LIMIT 4".encode())

    examined = deployment.call("doctor", DB_POOL_SIZE="5")

    assert examined.returncode == 0, examined.stderr
    state, reason = table(examined.stdout)["database"]
    assert state == "degraded"
    assert re.search(r"room for -?[0-2] more connections; lower DB_POOL_SIZE=5, or raise the server's limit", reason)
    ((latency_ms,),) = deployment.query("SELECT latency_ms FROM system_health WHERE component = 'database'")
    assert latency_ms > 0


def test_storage_with_less_room_than_is_wanted_is_down_and_says_how_much_there_is(deployment: Deployment) -> None:
    examined = deployment.call("doctor", RECON_FREE_DISK_MIB=str(1 << 40))

    assert examined.returncode == 1
    state, reason = table(examined.stdout)["storage"]
    assert state == "down"
    assert re.search(rf"only \d+ MiB free in storage; RECON_FREE_DISK_MIB wants {1 << 40}$", reason)
    state, reason = table(deployment.call("doctor").stdout)["storage"]
    assert (state, bool(re.fullmatch(r"\d+ GiB free", reason))) == ("healthy", True)


def test_days_without_a_conclusion_are_counted_with_the_command_that_names_them(deployment: Deployment) -> None:
    examined = deployment.call("doctor")

    assert examined.returncode == 0, examined.stderr
    state, reason = table(examined.stdout)["unproven days"]
    due = (datetime.now(UTC) - timedelta(hours=3)).date() - timedelta(days=1)
    days = (due - date(2025, 9, 1)).days + 1
    assert state == "degraded"
    assert reason == (
        f"{days} business day(s) without a conclusion; the newest is good {due}: `recon status --unproven` names them"
    )
    ((kept,),) = deployment.query("SELECT status FROM system_health WHERE component = 'unproven days'")
    assert kept == "degraded"


def test_no_day_that_is_due_is_no_warning(settings: Settings, tmp_path: Path) -> None:
    deployment = with_configuration(settings, tmp_path, http_attempts=1).http_processor("good")
    file = deployment.settings.config_dir / "processors" / "good.yaml"
    file.write_text(file.read_text().replace("2025-09-01", datetime.now(UTC).date().isoformat()))

    state, reason = table(deployment.call("doctor").stdout)["unproven days"]

    assert (state, reason) == ("healthy", "every business day that is due has a conclusion")
