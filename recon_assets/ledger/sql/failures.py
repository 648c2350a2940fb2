"""What the errors of a database mean for a feed, told without the driver's text unless that holds no secret."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import DBAPIError

from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood, FeedRefused, FeedUnavailable, ReconError
from recon_assets.ledger.sql.description import SqlLimits

MAX_MESSAGE_CHARACTERS: Final = 300

_NO_SUCH_LOGIN: Final = (
    "authentication failed", "no password supplied", "access denied", "login failed", "no pg_hba.conf entry",
    "does not exist", "unknown database", "not permitted to log in",
)  # fmt: skip
"""In lower case: PostgreSQL's drivers give no SQLSTATE when a connection is refused."""

_WRITE: Final = frozenset({"25006", "25001"})
_CANCELLED: Final = "57014"
_MISTAKES: Final = "42"
"""SQLSTATE class of syntax, unknown names and missing rights. Its messages repeat the query, never a value of a row."""

_SQLITE_MISTAKES: Final = ("no such ", "near ", "ambiguous column", "misuse of ", "wrong number of arguments")
_SQLITE_BUSY: Final = ("locked", "busy", "disk i/o")
_TRANSIENT_CLASSES: Final = frozenset({"08", "40", "53", "55", "57", "58"})


@dataclass(frozen=True, slots=True)
class Place:
    """A database as messages may name it: by the variable that holds its URL."""

    url_env: str

    @property
    def text(self) -> str:
        """For `where` and for evidence."""
        return f"SQL query on the database of {self.url_env}"


def failed_connection(error: Exception, place: Place) -> ReconError:
    """Nobody there, or not for us."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    if any(words in said for words in _NO_SUCH_LOGIN):
        return FeedRefused(
            f"the database refused the login of {place.url_env}, or has no database of that name",
            where=place.text,
            remedy="Check user, password and database in that variable, and that this machine may connect.",
        )
    if not isinstance(error, DBAPIError) or "invalid" in said:
        return ConfigurationError(
            f"the URL in {place.url_env} has a part that its driver does not take",
            where=place.text,
            remedy="Check the options after ? in the URL.",
        )
    return FeedUnavailable(
        "the ledger's database can't be reached",
        where=place.text,
        remedy=f"Check host and port in {place.url_env}, and that the server runs; then try again.",
    )


def failed_query(error: Exception, place: Place, limits: SqlLimits) -> ReconError:
    """The query was refused, stopped or cut short."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")
    said = str(original)
    if state == _CANCELLED or said == "interrupted":
        return FeedUnavailable(
            f"the query did not end within {limits.time_limit_s} s (time_limit_s)",
            where=place.text,
            remedy="Help the query by an index, or raise the limit.",
        )
    if state in _WRITE or "readonly database" in said:
        return FeedRefused(
            "the query tries to write, and the session may only read",
            where=place.text,
            remedy="Take what writes out of the query; a function that it calls may be what does.",
        )
    if state.startswith(_MISTAKES) or said.startswith(_SQLITE_MISTAKES):
        return ConfigurationError(
            f"the database does not accept the query: {_first_line(original, said)}",
            where=place.text,
            remedy="Correct the query, or grant the login SELECT.",
        )
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    no_state = not state and type(original).__name__ == "OperationalError"
    if lost or no_state or state[:2] in _TRANSIENT_CLASSES or any(words in said for words in _SQLITE_BUSY):
        return FeedUnavailable(
            f"the database broke off the query{_coded(state)}",
            where=place.text,
            remedy="Try again later; if it stays, ask who runs the database.",
        )
    return FeedNotUnderstood(
        f"the query fails on the data that it finds{_coded(state)}",
        where=place.text,
        remedy="Run the query by hand with the parameters of the day; casts and divisions are the usual causes.",
    )


def _first_line(original: object, said: str) -> str:
    """The database's own sentence about a name or the syntax."""
    diagnosis = getattr(original, "diag", None)
    primary = getattr(diagnosis, "message_primary", None) or said.partition("\n")[0]
    return str(primary)[:MAX_MESSAGE_CHARACTERS]


def _coded(state: str) -> str:
    return f" (SQLSTATE {state})" if state else ""
