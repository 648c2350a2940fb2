"""The deployment's statement: one SELECT, limited to a day by our parameters, in an order that is the same every time.

What belongs here: rules that the text alone can break. That nothing is written is the session's to enforce; here a
mistake is only named earlier and better.
"""

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from recon_assets.domain.business_day import BusinessDay

if TYPE_CHECKING:
    from sqlalchemy import TextClause

BUSINESS_DATE: Final = "business_date"
STARTS_AT: Final = "starts_at"
ENDS_AT: Final = "ends_at"
PROCESSOR: Final = "processor"
PARAMETERS: Final = (BUSINESS_DATE, STARTS_AT, ENDS_AT, PROCESSOR)

MAX_QUERY_CHARACTERS: Final = 100_000

_NOT_CODE: Final = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$", re.DOTALL
)
"""Comments, texts and quoted names: what looks like a word or a semicolon there is none."""

_WRITES: Final = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)

ParameterValue = str | date | datetime


def checked_query(text: str) -> str:
    """`text` without its final semicolon. Raises `ValueError`, whose text says what to change."""
    if len(text) > MAX_QUERY_CHARACTERS:
        raise ValueError(f"the query is longer than {MAX_QUERY_CHARACTERS} characters")
    code = _NOT_CODE.sub(" ", text).strip()
    first_word = re.match(r"\w*", code)
    if first_word is None or first_word[0].lower() not in {"select", "with"}:
        raise ValueError("the query must be a SELECT (it may begin with WITH)")
    if ";" in code.removesuffix(";"):
        raise ValueError("the query is more than one statement: only one SELECT is sent")
    if found := _WRITES.search(code):
        raise ValueError(
            f"the query has the word {found[0].upper()}, and a ledger is only read: quote it if it is a name"
        )
    if not re.search(r"\border\s+by\b", code, re.IGNORECASE):
        raise ValueError("the query needs an ORDER BY that ends in a unique column: a day must read the same twice")
    used = parameters_of(text)
    if unknown := sorted(used - set(PARAMETERS)):
        raise ValueError(
            f"the query has a parameter :{unknown[0]}, known are {', '.join(f':{name}' for name in PARAMETERS)}; "
            r"a colon that is none is written \:"
        )
    if BUSINESS_DATE not in used and not {STARTS_AT, ENDS_AT} <= used:
        raise ValueError("the query must be limited to the day: by :business_date, or by :starts_at and :ends_at")
    return re.sub(r";\s*\Z", "", text.rstrip()) if code.endswith(";") else text


def parameters_of(text: str) -> set[str]:
    """Names of the bound parameters in `text`."""
    return set(statement(text).compile().params)


def values_of(text: str, day: BusinessDay, *, times_as_text: bool) -> dict[str, ParameterValue]:
    """What the parameters of `text` are on `day`.

    `times_as_text` is for SQLite, which has no type for times: date and UTC time as its own functions write them.
    """
    values: dict[str, ParameterValue] = {
        BUSINESS_DATE: day.text if times_as_text else day.business_date,
        STARTS_AT: _sqlite_text(day.starts_at) if times_as_text else day.starts_at,
        ENDS_AT: _sqlite_text(day.ends_at) if times_as_text else day.ends_at,
        PROCESSOR: day.processor,
    }
    used = parameters_of(text)
    return {name: value for name, value in values.items() if name in used}


def statement(text: str) -> "TextClause":
    """The text with its parameters to be bound, never pasted."""
    from sqlalchemy import text as sqlalchemy_text

    return sqlalchemy_text(text)


def _sqlite_text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
