"""What PostgreSQL reports, as our errors. A server's message may quote a row: only its code and rule's name pass."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors

from recon_assets.domain.errors import StoreRefused, StoreUnavailable

MAX_REASON_CHARACTERS: Final = 200

_COMES_BACK: Final = re.compile(r"starting up|shutting down|too many|recovery|connection slots|not yet accepting")
_TRANSIENT: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.InFailedSqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)


@contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Raise our errors for psycopg's: `doing` says what was being done ("publishing the run").

    The causes are not chained: their text holds the values of the rows that were refused.
    """
    try:
        yield
    except psycopg.Error as error:
        code = error.sqlstate or type(error).__name__
        if isinstance(error, _TRANSIENT):
            raise StoreUnavailable(
                f"the database did not finish {doing}",
                where=f"code {code}",
                remedy="Check the database and try again: half of it is never kept, and done again it changes nothing.",
            ) from None
        rule = error.diag.constraint_name or error.diag.table_name or "no rule named"
        raise StoreRefused(
            f"the database refused {doing}",
            where=f"code {code}, {rule}",
            remedy="Nothing was changed by it; the rule is in sql/migrations, the rows are in the day's files.",
        ) from None


def connection_error(error: psycopg.Error, *, where: str, password: str) -> StoreUnavailable | StoreRefused:
    """Why a connection could not be made: unreachable, or answered and refused."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if password:
        reason = reason.replace(password, "***")
    reason = reason[:MAX_REASON_CHARACTERS]
    if "FATAL" in reason and not _COMES_BACK.search(reason):
        remedy = "As an administrator, GRANT that role to the login; docs/security.md says which login has which."
        return StoreRefused(
            f"the database refused the connection: {reason}",
            where=where,
            remedy=remedy
            if "set role" in reason
            else "Check DB_USER, DB_PASSWORD, DB_NAME and what the server allows.",
        )
    return StoreUnavailable(
        f"the database can't be reached: {reason}",
        where=where,
        remedy="Check that it runs there, DB_HOST and DB_PORT; with DB_HOST unset an embedded one is used.",
    )
