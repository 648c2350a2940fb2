"""Which texts of a Parquet file hold card-like numbers, and what is shown of them (`domain.masking`).

Ids of processors are often long numbers, so DuckDB does most of it: a text with a single long run of digits never gets
to Python. Only groups of digits, and several long runs, are for `masked_cards` itself.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from recon_assets.domain.masking import KEPT_DIGITS, masked_cards

if TYPE_CHECKING:
    import duckdb

_BATCH: Final = 20_000
_LONGEST: Final = 19
_THIRTEEN_DIGITS: Final = r"[0-9](?:[ -]?[0-9]){12}"
"""Whatever is masked has this."""

_SEVERAL_RUNS: Final = r"[0-9][ -][0-9]|[0-9]{13,}.*[^0-9].*[0-9]{13,}"
_ONE_RUN: Final = r"(?:^|[^0-9])([0-9]{13,19})(?:[^0-9]|$)"

_CHECK_SUM: Final = " + ".join(
    f"ascii(substr({'digits' if (_LONGEST - place) % 2 == 0 else 'doubled'}, {place}, 1))"
    for place in range(1, _LONGEST + 1)
)
"""By Luhn, of digits filled up with zeros on the left: every second one from the right doubled, its digits summed."""


def declare_shown(connection: "duckdb.DuckDBPyConnection", table: str, *, columns: Sequence[str]) -> None:
    """Make the view `shown_<table>`: its rows, with what may be the number of a card masked in these columns."""
    declare_masks(connection, table, columns=columns)
    ((masks,),) = connection.execute("SELECT count(*) FROM masks").fetchall()
    shown, joins = "*", ""
    if masks:  # on nearly all days there is none, and then there is nothing to join
        replaced = ", ".join(f"coalesce(mask_of_{name}.shown, t.{name}) AS {name}" for name in columns)
        shown = f"t.* REPLACE ({replaced})"
        joins = " ".join(f"LEFT JOIN masks AS mask_of_{name} ON t.{name} = mask_of_{name}.plain" for name in columns)
    connection.execute(f"CREATE TEMPORARY VIEW shown_{table} AS SELECT {shown} FROM {table} AS t {joins}").fetchall()  # noqa: S608


def declare_masks(connection: "duckdb.DuckDBPyConnection", table: str, *, columns: Iterable[str]) -> None:
    """Make the table `masks`: `plain`, each text of these columns that is masked, and `shown`, what it becomes."""
    texts = " UNION ALL ".join(
        f"SELECT {name} AS text FROM {table} WHERE regexp_matches({name}, '{_THIRTEEN_DIGITS}')"  # noqa: S608
        for name in columns
    )
    connection.execute(f"CREATE TEMPORARY TABLE suspicious AS SELECT DISTINCT text FROM ({texts})").fetchall()  # noqa: S608
    ((suspicious,),) = connection.execute("SELECT count(*) FROM suspicious").fetchall()
    if not suspicious:
        connection.execute("CREATE TEMPORARY TABLE masks (plain VARCHAR, shown VARCHAR)").fetchall()
        return
    connection.execute(
        "CREATE TEMPORARY TABLE masks AS SELECT text AS plain,"  # noqa: S608 - SQL of ours
        f" replace(text, run, repeat('*', length(run) - {KEPT_DIGITS}) || right(run, {KEPT_DIGITS})) AS shown"
        " FROM (SELECT *, translate(digits, '0123456789', '0246813579') AS doubled"
        f" FROM (SELECT *, lpad(run, {_LONGEST}, '0') AS digits"
        f" FROM (SELECT text, regexp_extract(text, '{_ONE_RUN}', 1) AS run FROM suspicious"
        f" WHERE NOT regexp_matches(text, '{_SEVERAL_RUNS}', 's')) WHERE run <> ''))"
        f" WHERE ({_CHECK_SUM} - {_LONGEST} * ascii('0')) % 10 = 0"
    ).fetchall()
    several = connection.sql(f"SELECT text FROM suspicious WHERE regexp_matches(text, '{_SEVERAL_RUNS}', 's')")  # noqa: S608
    masks: dict[str, str] = {}
    for batch in several.to_arrow_reader(_BATCH):
        masks.update((text, shown) for text in batch.column(0).to_pylist() if (shown := masked_cards(text)) != text)
    if masks:
        connection.execute(
            "INSERT INTO masks SELECT unnest(?), unnest(?)", [list(masks), list(masks.values())]
        ).fetchall()
