"""The diagram and the list in docs/database.md, from a migrated database. A test compares the two; to write it anew:

python -m recon_assets_tests.documents.schema_diagram
"""

import tempfile
from pathlib import Path
from typing import Any, Final

import psycopg

from recon_assets.settings import Settings
from recon_assets.store.database import open_database

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "database.md"
BEGIN: Final = "<!-- from the schema: python -m recon_assets_tests.documents.schema_diagram -->\n"

_RELATIONS: Final = """
    SELECT c.oid, c.relname, c.relkind IN ('r', 'p') AS is_table, obj_description(c.oid, 'pg_class')
    FROM pg_class AS c
    WHERE
        c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND c.relname <> 'schema_migrations'
    ORDER BY c.relname
"""
_COLUMNS: Final = """
    SELECT
        a.attname, format_type(a.atttypid, NULL),
        EXISTS (
            SELECT 1 FROM pg_constraint AS p
            WHERE p.conrelid = a.attrelid AND p.contype = 'p' AND a.attnum = ANY (p.conkey)
        ),
        EXISTS (
            SELECT 1 FROM pg_constraint AS f
            WHERE f.conrelid = a.attrelid AND f.contype = 'f' AND a.attnum = ANY (f.conkey)
        )
    FROM pg_attribute AS a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_REFERENCES: Final = """
    SELECT DISTINCT t.relname, s.relname, string_agg(a.attname, ', ' ORDER BY a.attnum)
    FROM pg_constraint AS f
    INNER JOIN pg_class AS s ON s.oid = f.conrelid AND NOT s.relispartition
    INNER JOIN pg_class AS t ON t.oid = f.confrelid AND NOT t.relispartition
    INNER JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND a.attname <> 'tenant_id'
    WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace
    GROUP BY f.oid, t.relname, s.relname ORDER BY 2, 1, 3
"""


def described(connection: psycopg.Connection[Any]) -> str:
    """Tables as a Mermaid diagram with keys and references, then tables and views with what their comments say."""
    relations = connection.execute(_RELATIONS).fetchall()
    lines = ["```mermaid", "erDiagram"]
    lines += [
        f'    {table} ||--o{{ {source} : "{columns}"'
        for table, source, columns in connection.execute(_REFERENCES).fetchall()
    ]
    for oid, name, is_table, _ in relations:
        if is_table:
            lines += [f"    {name} {{", *(_column(row) for row in connection.execute(_COLUMNS, [oid])), "    }"]
    lines += ["```", "", "| table | what it holds |", "|---|---|"]
    lines += [_row(name, comment) for _, name, is_table, comment in relations if is_table]
    lines += ["", "| view | what it answers |", "|---|---|"]
    lines += [_row(name, comment) for _, name, is_table, comment in relations if not is_table]
    return "\n".join(lines) + "\n"


def _column(row: tuple[str, str, bool, bool]) -> str:
    name, type_name, is_key, is_reference = row
    keys = ", ".join(word for word, holds in (("PK", is_key), ("FK", is_reference)) if holds)
    words = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}
    return f"        {words.get(type_name, type_name).replace(' ', '_')} {name} {keys}".rstrip()


def _row(name: str, comment: str | None) -> str:
    assert comment, f"{name} has no comment: say what it is in a migration or in its view's file"
    return f"| `{name}` | {comment} |"


def with_description(text: str, connection: psycopg.Connection[Any]) -> str:
    """The document with what follows its marker replaced."""
    before, found, _ = text.partition(BEGIN)
    assert found, f"docs/database.md lacks the line {BEGIN!r}"
    return f"{before}{BEGIN}\n{described(connection)}"


def main() -> None:
    """Migrate a new embedded database and write the document."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        data = Path(folder) / "data"
        settings = Settings(_env_file=None, RECON_DATA_DIR=data, DB_HOST=None)
        with open_database(settings) as database, database.connect_as_migrator() as connection:
            text = with_description(DOCUMENT.read_text(encoding="utf-8"), connection)
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
