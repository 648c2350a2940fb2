"""What a command imports: a library that it has no use for costs each call of it tenths of a second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, ROW, SAMPLE_DAY, with_configuration

OF_FRAMES = {"pandas", "pandera", "pyarrow", "numpy", "duckdb", "pgpq"}
OF_REPORTS = {"jinja2", "xlsxwriter", "openpyxl"}
OF_PLACES = {"requests", "sqlalchemy", "alembic", "boto3", "botocore", "paramiko", "apprise", "starlette", "uvicorn"}
OF_DAGSTER = {"dagster", "grpc", "dagster_postgres", "dagster_graphql"}
OUR_MODULES = 230
"""That a run may import; there were 260 when each command imported all of them."""
HEAVY = OF_FRAMES | OF_REPORTS | OF_PLACES


def imported_by(program: str, **environment: str) -> set[str]:
    """The packages and modules that a fresh process has when `program` has ended."""
    said = "import sys; print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", f"{program}\n{said}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = set(ended.stderr.split())
    assert "recon:" not in found, f"it ended with an error: {ended.stderr}"
    return found


def command(*arguments: str) -> str:
    return f"""
import sys
from recon_assets.cli import main
sys.argv = {["recon", *arguments]!r}
try:
    main()
except SystemExit:
    pass
"""


def test_help_shows_itself_without_the_record_and_without_the_graph() -> None:
    assert not imported_by(command("--help")) & (HEAVY | OF_DAGSTER | {"psycopg", "recon_assets.configuration"})


@pytest.mark.parametrize("arguments", [("status",), ("status", "--unproven")])
def test_status_needs_settings_and_the_record_alone(settings: Settings, arguments: tuple[str, ...]) -> None:
    found = imported_by(
        command(*arguments),
        RECON_DATA_DIR=str(settings.data_dir),
        DB_HOST=str(settings.db_host),
        DB_PORT=str(settings.db_port),
        DB_NAME=settings.db_name,
        DB_USER=settings.db_user,
        DB_MIGRATION_USER="postgres",
    )
    assert "psycopg" in found
    assert not found & (HEAVY | OF_DAGSTER)


def test_the_definitions_are_loaded_without_what_only_a_run_needs() -> None:
    """A code location is started by each daemon, web server and run worker; most show the graph and no more."""
    found = imported_by("import recon_assets.definitions")
    assert "dagster" in found
    assert not found & HEAVY


def test_a_configuration_is_read_without_what_fetches_and_parses() -> None:
    found = imported_by("import recon_assets.configuration")
    assert not found & (HEAVY | OF_DAGSTER)
    assert not {name for name in found if name.startswith("recon_assets.processors.") and name.endswith("adapter")}


def test_a_run_by_files_imports_neither_sqlalchemy_nor_the_parts_of_dagster_around_it(
    settings: Settings, tmp_path: Path
) -> None:
    """They were a fifth of a small day. The first run makes Dagster's tables, for which it needs them."""
    day = f"{HEADER}\n{ROW}\n"
    deployment = with_configuration(settings, tmp_path).files_processor("small", processor=day, ledger=day)
    assert deployment.call("run", "--processors", "small", "--date", str(SAMPLE_DAY)).returncode == 0
    found = imported_by(
        command("run", "--processors", "small", "--date", str(SAMPLE_DAY)),
        **{name: value for name, value in deployment.environment().items() if os.environ.get(name) != value},
    )
    assert {"dagster", "pandera", "duckdb", "recon_assets.resources.run_history.storage"} <= found
    assert not found & {"sqlalchemy", "alembic", "mako", "grpc", "watchdog", "tqdm", "structlog", "requests", "boto3"}
    assert not found & {"recon_assets.cli.backfilling.command", "recon_assets.cli.show", "matplotlib", "apprise"}
    assert len([name for name in found if name.startswith("recon_assets.")]) <= OUR_MODULES
