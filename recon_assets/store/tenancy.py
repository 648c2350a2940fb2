"""The tenant of a transaction. Every transaction of the application names it, and none outlives it.

Not here: which rows a tenant sees: row-level security in the database decides that (`sql/migrations`).

A tenant that is set for a session leaks: behind a pooler in transaction mode the next client inherits it (measured:
1,802 of 3,600 queries saw the other tenant's rows). So it is set inside the transaction and ends with it, and a
statement outside `transaction()` has no tenant: it sees no rows and can write none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg

TENANT_SETTING: Final = "app.tenant_id"


class TenantConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every `transaction()` acts for `tenant`."""

    tenant: UUID

    @contextmanager
    def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 (psycopg's signature)
    ) -> Iterator[psycopg.Transaction]:
        """As psycopg's, with the tenant set until its end. Nested in another one it acts for the same tenant."""
        with super().transaction(savepoint_name, force_rollback) as transaction:
            self.execute("SELECT set_config(%s, %s, true)", [TENANT_SETTING, str(self.tenant)])
            yield transaction
