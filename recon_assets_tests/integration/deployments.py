"""Small deployments for tests: processors by HTTP or by files, run in this process or by the real command."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from recon_assets.cli import main
from recon_assets.cli.dagster_runs import Runner
from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets.store.history import Run, latest_attempts

SAMPLE_DAY = date(2025, 9, 30)

HTTP_PROCESSOR = """
name: {name}
title: {name}
owner: team:tests
start_date: 2025-09-01
feed: {{kind: products_api, base_url: "{processor_url}"}}
ledger: {{kind: ledger_api, base_url: "{ledger_url}"}}
"""

FILES_PROCESSOR = """
name: {name}
title: {name}
owner: team:tests
start_date: 2025-09-01
feed: &feed
  kind: files
  folder: {name}_processor
  pattern: "{{date}}.csv"
  format: csv
  columns: {{transaction_id: id, amount: amount, currency: currency, status: status, occurred_at: created}}
  times: {{format: iso8601, time_zone: UTC}}
ledger:
  <<: *feed
  folder: {name}_ledger
"""

HEADER = "id,amount,currency,status,created"
ROW = "a,12.34,USD,completed,2025-09-30T10:00:00Z"


@dataclass(frozen=True)
class Deployment:
    """Settings with a configuration folder of their own."""

    settings: Settings

    def http_processor(self, name: str, *, processor_url: str = "http://sandbox", ledger_url: str = "http://sandbox"):
        self._configure(name, HTTP_PROCESSOR.format(name=name, processor_url=processor_url, ledger_url=ledger_url))
        return self

    def files_processor(self, name: str, *, processor: str | None, ledger: str | None, day: date = SAMPLE_DAY):
        """`None` is a file that did not come; its folder is there."""
        self._configure(name, FILES_PROCESSOR.format(name=name))
        for side, text in (("processor", processor), ("ledger", ledger)):
            folder = self.settings.feeds_dir / f"{name}_{side}"
            folder.mkdir(parents=True, exist_ok=True)
            if text is not None:
                (folder / f"{day}.csv").write_text(text)
        return self

    def _configure(self, name: str, text: str) -> None:
        folder = self.settings.config_dir / "processors"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)

    def run(self, processor: str, day: date = SAMPLE_DAY, instance: dg.DagsterInstance | None = None) -> Run:
        """Run a processor-day in this process and give its newest row in the record."""
        if instance is None:
            with dg.DagsterInstance.ephemeral() as ephemeral:
                return self.run(processor, day, ephemeral)
        Runner(self.settings, instance).run(processor, day)
        return self.newest(processor, day)

    def newest(self, processor: str, day: date = SAMPLE_DAY) -> Run:
        with open_database(self.settings) as database, database.connect(read_only=True) as connection:
            (state,) = latest_attempts(connection, processors=[processor], since=day, until=day)
        return state.latest

    def query(self, sql: str) -> list[tuple]:
        with (
            open_database(self.settings) as database,
            database.connect(read_only=True) as connection,
            connection.transaction(),
        ):
            return connection.execute(sql.encode()).fetchall()

    def environment(self) -> dict[str, str]:
        """The variables that make a new process see these settings."""
        own = {
            "RECON_HOME": str(self.settings.home),
            "RECON_DATA_DIR": str(self.settings.data_dir),
            "LOCAL_REPORTS_DIR": str(self.settings.reports_dir),
            "RECON_CONFIG_DIR": str(self.settings.config_dir),
            "RECON_HTTP_ATTEMPTS": str(self.settings.http_attempts),
            "DAGSTER_DB_NAME": self.settings.dagster_db_name,
            "RECON_FREE_DISK_MIB": "0",  # how full this machine's disk is says nothing of the program
        }
        if self.settings.db_host is not None:
            own |= {
                "DB_HOST": self.settings.db_host,
                "DB_NAME": self.settings.db_name,
                "DB_USER": self.settings.db_user,
                "DB_MIGRATION_USER": self.settings.db_migration_user or "",
                "DAGSTER_DB_USER": self.settings.dagster_db_user or "",
            }
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "DB_", "DAGSTER_"))
        }
        return inherited | own

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "recon_assets.cli", *arguments]

    def recon(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The real command in a process of its own, with further environment variables. It costs seconds of imports."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment() | variables,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same by the entry point in this process: where what it does is tested, not that it is a process."""
        told, complained = io.StringIO(), io.StringIO()
        with (
            self._as_if_started(arguments, variables),
            redirect_stdout(told),
            redirect_stderr(complained),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        code = _exit_code(ended.value.code)
        return subprocess.CompletedProcess(arguments, code, told.getvalue(), complained.getvalue())

    @property
    def _folder(self) -> Path:
        return self.settings.reports_dir.parent

    @contextmanager
    def _as_if_started(self, arguments: tuple[str, ...], variables: dict[str, str]) -> Iterator[None]:
        """What a new process would find: its arguments, its folder, its variables, and no terminal."""
        with pytest.MonkeyPatch.context() as patch, chdir(self._folder):
            for name in set(os.environ) - set(environment := self.environment()):
                patch.delenv(name)
            for name, value in ({"COLUMNS": "80"} | environment | variables).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["recon", *arguments])
            yield


def _exit_code(code: str | int | None) -> int:
    assert not isinstance(code, str), "`recon` tells by itself what went wrong"
    return code or 0


def with_configuration(settings: Settings, folder: Path, **changes: object) -> Deployment:
    """A deployment whose configuration is written by the test."""
    return Deployment(settings.model_copy(update={"config_dir": folder / "config", **changes}))
