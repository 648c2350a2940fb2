"""The database of record as a Dagster resource: opened when the first stage needs it, shared by the whole process."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from threading import Lock
from uuid import UUID

from recon_assets.domain.checks import CheckOutcome
from recon_assets.settings import Settings
from recon_assets.store.audit import seal_and_head
from recon_assets.store.checks import AssetOutcomes, link_outcomes_to_run, record_outcomes
from recon_assets.store.database import Database, open_database
from recon_assets.store.pool import Pool
from recon_assets.store.tenancy import TenantConnection


class Record:
    """Connections to the database of record."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._open = ExitStack()
        self._database: Database | None = None
        self._pool: Pool | None = None

    @property
    def database(self) -> Database:
        """The opened and migrated database; opening it starts the embedded server if none is configured."""
        with self._lock:
            return self._opened()

    @contextmanager
    def connect(self) -> Iterator[TenantConnection]:
        """A connection of one's own, out of `DB_POOL_SIZE` at most. Do not take a second while holding one."""
        with self._lock:
            if self._pool is None:
                self._pool = Pool(self._opened(), size=self._settings.db_pool_size)
            pool = self._pool
        with pool.connection() as connection:
            yield connection

    def audit_head(self) -> tuple[int, str] | None:
        """Number and hash of the newest seal of the audit log, which covers all that could be sealed until now."""
        with self.connect() as connection:
            return seal_and_head(connection)

    def record_outcomes(
        self,
        outcomes: Sequence[CheckOutcome],
        *,
        dagster_run_id: str,
        asset_key: str,
        processor: str,
        day: date,
        run_id: str | None,
        in_backfill: bool = False,
    ) -> None:
        """One row per outcome in `data_quality_checks`, passes included; linked to the published run, if any."""
        with self.connect() as connection:
            record_outcomes(
                connection,
                AssetOutcomes(asset_key, outcomes, in_backfill),
                dagster_run_id=dagster_run_id,
                processor=processor,
                business_date=day,
            )
            if run_id:
                link_outcomes_to_run(
                    connection,
                    dagster_run_id=dagster_run_id,
                    processor=processor,
                    business_date=day,
                    run_id=UUID(run_id),
                )

    def close(self) -> None:
        """Close the connections and let go of the embedded server; the last process that does so stops it."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
            self._open.close()
            self._database = None

    def _opened(self) -> Database:
        """The caller holds the lock."""
        if self._database is None:
            self._database = self._open.enter_context(open_database(self._settings))
        return self._database
