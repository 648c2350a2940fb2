"""What a process that runs many days asks Dagster's storage only once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import Engine

from recon_assets.cli.dagster_runs import Runner, dagster_instance
from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.integration.deployments import HEADER, with_configuration

FIRST, SECOND = date(2025, 9, 29), date(2025, 9, 30)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Those that Dagster's storage sends, and `connect` for each new connection."""
    sent: list[str] = []

    def on_statement(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    def on_connection(*_more: object) -> None:
        sent.append("connect")

    sqlalchemy.event.listen(Engine, "before_cursor_execute", on_statement)
    sqlalchemy.event.listen(Engine, "connect", on_connection)
    try:
        yield sent
    finally:
        sqlalchemy.event.remove(Engine, "before_cursor_execute", on_statement)
        sqlalchemy.event.remove(Engine, "connect", on_connection)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Settings:
    deployment = with_configuration(settings, tmp_path)
    for day in (FIRST, SECOND):
        text = f"{HEADER}\na-{day},12.34,USD,completed,{day}T10:00:00Z\n"
        deployment.files_processor("shop", processor=text, ledger=text, day=day)
    return deployment.settings


def test_a_second_day_asks_for_no_table_and_no_column_of_dagsters_and_opens_no_connection(shop: Settings) -> None:
    with open_database(shop), dagster_instance(shop) as instance:
        runner = Runner(shop, instance)
        assert runner.run("shop", FIRST).success
        with statements() as sent:
            assert runner.run("shop", SECOND).success

    assert any("INSERT INTO event_logs" in statement for statement in sent), "Dagster's statements are seen"
    assert [statement for statement in sent if "pg_catalog" in statement or statement == "connect"] == []
