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
_IS_FULL: Final = re.compile(r"too many|connection slots")
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
_LIMITS: Final = {
    errors.QueryCanceled: ("a statement took too long, or was cancelled by an administrator", "DB_STATEMENT_TIMEOUT_S"),
    errors.LockNotAvailable: ("another session held what it needed for too long", "DB_LOCK_TIMEOUT_S"),
    errors.IdleInTransactionSessionTimeout: (
        "a transaction was left waiting for too long",
        "DB_IDLE_IN_TRANSACTION_TIMEOUT_S",
    ),
}
"""Which limit of time struck, and the setting that raises it."""

_DISTRUST: Final = (
    (
        re.compile(r"does not match host name"),
        "Set DB_HOST to a name that the certificate bears; if it already is, somebody else answers there.",
    ),
    (
        re.compile(r"certificate verify failed"),
        "Set DB_SSLROOTCERT to the authority that signed the server's certificate; if it is, somebody else answers.",
    ),
    (
        re.compile(r"does not support SSL"),
        "Turn `ssl` on in the server, or check DB_HOST and DB_PORT: somebody else may answer there.",
    ),
    (re.compile(r"root certificate"), "Set DB_SSLROOTCERT to a PEM file that this account may read."),
)
"""Why we do not speak to a server that answered, and what to do. It is permanent: the same server is refused again."""


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
            why, setting = next((known for kind, known in _LIMITS.items() if isinstance(error, kind)), ("", ""))
            raise StoreUnavailable(
                f"the database did not finish {doing}" + (f": {why}" if why else ""),
                where=f"code {code}" + (f", {setting}" if setting else ""),
                remedy="Check the database and try again: half of it is never kept, and done again it changes nothing."
                + (f" If the server is well, raise {setting}." if setting else ""),
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
    whole, reason = reason, reason[:MAX_REASON_CHARACTERS]
    for symptom, remedy in _DISTRUST:
        if symptom.search(whole):
            return StoreRefused(f"the database server is not trusted: {reason}", where=where, remedy=remedy)
    if "no encryption" in whole:
        return StoreRefused(
            f"the database server demands encryption: {reason}",
            where=where,
            remedy="Set DB_SSLMODE=verify-full and DB_SSLROOTCERT.",
        )
    if "FATAL" in reason and not _COMES_BACK.search(reason):
        remedy = "As an administrator, GRANT that role to the login; docs/security.md says which login has which."
        return StoreRefused(
            f"the database refused the connection: {reason}",
            where=where,
            remedy=remedy
            if "set role" in reason
            else "Check DB_USER, DB_PASSWORD, DB_NAME and what the server allows.",
        )
    if _IS_FULL.search(whole):
        return StoreUnavailable(
            f"the database has no connection to spare: {reason}",
            where=where,
            remedy="Try again later; lower DB_POOL_SIZE of what uses it, or raise the server's limit of connections.",
        )
    return StoreUnavailable(
        f"the database can't be reached: {reason}",
        where=where,
        remedy="Check that it runs there, DB_HOST and DB_PORT; with DB_HOST unset an embedded one is used.",
    )
