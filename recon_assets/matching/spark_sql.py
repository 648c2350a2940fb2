"""DuckDB's SQL in Spark's words, by sqlglot, and what must be said otherwise to mean the same there."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

TRANSLATIONS_KEPT: Final = 1_000

# Every character but the halves of pairs, with what DuckDB makes of it.
_CHARACTERS: Final = """
SELECT
    string_agg(c, '' ORDER BY i) FILTER (WHERE upper(c) <> c),
    string_agg(upper(c), '' ORDER BY i) FILTER (WHERE upper(c) <> c),
    string_agg(c, '' ORDER BY i) FILTER (WHERE lower(c) <> c),
    string_agg(lower(c), '' ORDER BY i) FILTER (WHERE lower(c) <> c),
    string_agg(c, '' ORDER BY i) FILTER (WHERE trim(c) = '')
FROM (
    SELECT i, chr(i::INTEGER) AS c
    FROM range(1, 1114112) AS t (i)
    WHERE i NOT BETWEEN 55296 AND 57343
)
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A query in Spark's SQL. A constant one reads no records, so there is nothing to compute in advance."""

    sql: str
    is_constant: bool


@dataclass(frozen=True, slots=True)
class Letters:
    """What DuckDB changes, character by character: the texts of a pair are of one length."""

    upper: tuple[str, str]
    lower: tuple[str, str]
    blank: str


@lru_cache(maxsize=TRANSLATIONS_KEPT)
def translated(query: str) -> Statement:
    """A query of DuckDB in Spark's SQL."""
    import sqlglot

    return _translated(sqlglot.parse_one(query, read="duckdb"))


@cache
def letters() -> Letters:
    """Asked of DuckDB itself: Spark has other tables, such as SS for the upper case of a sharp s."""
    import duckdb

    with duckdb.connect() as connection:
        ((upper_from, upper_to, lower_from, lower_to, blank),) = connection.execute(_CHARACTERS).fetchall()
    assert len(upper_from) == len(upper_to), "DuckDB makes several letters of one"
    assert len(lower_from) == len(lower_to), "DuckDB makes several letters of one"
    return Letters(upper=(upper_from, upper_to), lower=(lower_from, lower_to), blank=blank)


def _translated(query: "exp.Expr") -> Statement:
    from sqlglot import exp

    _say_otherwise(query)
    where = query.args.get("where")
    is_empty = where is not None and isinstance(where.this, exp.Boolean) and not where.this.this
    is_constant = is_empty or query.find(exp.Table) is None
    return Statement(sql=query.sql("spark", comments=False), is_constant=is_constant)


def _say_otherwise(query: "exp.Expr") -> None:
    """Within the query: what sqlglot leaves as it is, though it means something else, or nothing, on Spark."""
    from sqlglot import exp

    for node in list(query.find_all(exp.DataType, exp.Sum, exp.Upper, exp.Lower, exp.Trim)):
        match node:
            case exp.DataType() if node.this is exp.DataType.Type.INT128:  # Spark's decimals are as exact
                node.replace(exp.DataType.build("decimal(38, 0)"))
            case exp.Sum():  # DuckDB's of 64 bits has 128
                node.set("this", exp.cast(node.this, "decimal(38, 0)"))
            case exp.Upper() | exp.Lower():
                pair = letters().upper if isinstance(node, exp.Upper) else letters().lower
                node.replace(exp.Anonymous(this="translate", expressions=[node.this, *map(exp.Literal.string, pair)]))
            case exp.Trim():
                node.set("expression", exp.Literal.string(letters().blank))
                node.set("position", "BOTH")
