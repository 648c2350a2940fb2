"""Dagster's own history in the same PostgreSQL as the record, in a database of its own.

`dagster.yaml` names the class and nothing else; where the database is, the settings know:

    storage: {custom: {module: recon_assets.resources.dagster_storage, class: ReconDagsterStorage, config: {}}}

So `dagster dev`, `dagster-webserver`, `dagster-daemon`, code servers, run workers and `recon` each start or join the
embedded server on demand, and the last of them to end stops it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import yaml
from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage

from recon_assets.resources.dagster_check_states import ReconEventLogStorage
from recon_assets.settings import Settings
from recon_assets.store.database import Database, hold_database

CREATE_TABLES_LOCK: Final = 7_311_465_202
"""Several processes of Dagster start at once: one of them creates the tables, the others wait."""


class ReconDagsterStorage(DagsterPostgresStorage):
    """Dagster's PostgreSQL storage at the place that `Settings` mean. Holds the server until the process ends."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = ReconEventLogStorage(postgres_url, should_autocreate_tables=False)  # they are made

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "ReconDagsterStorage":
        """Start or join the server, then let Dagster create its tables if they are missing."""
        assert not config_value, "the settings say where the database is"
        database = hold_database(Settings(), with_schema=False)
        with _creating_tables(database):
            return cls(postgres_url=database.dagster_url, inst_data=inst_data)

    @property
    def run_storage_data(self) -> ConfigurableClassData | None:
        """How another process gets at the runs: through this class, since the URL is not in `dagster.yaml`."""
        return self._part("LegacyRunStorage")

    @property
    def event_storage_data(self) -> ConfigurableClassData | None:
        """How another process gets at the events."""
        return self._part("LegacyEventLogStorage")

    @property
    def schedule_storage_data(self) -> ConfigurableClassData | None:
        """How another process gets at schedules and sensors."""
        return self._part("LegacyScheduleStorage")

    def _part(self, class_name: str) -> ConfigurableClassData | None:
        """Dagster's wrapper that takes one part of a custom storage (see `configurable_storage_data` in its `ref`)."""
        if self.inst_data is None:
            return None
        return ConfigurableClassData(
            "dagster._core.storage.legacy_storage", class_name, yaml.dump(self.inst_data._asdict())
        )


@contextmanager
def _creating_tables(database: Database) -> Iterator[None]:
    with database.connect_to_dagster() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [CREATE_TABLES_LOCK])
        yield  # the lock ends with the connection
