"""A record worth tampering with, and a superuser who does it without leaving a trace in the schema."""

from collections.abc import Sequence
from pathlib import Path

import psycopg

from recon_assets.store.audit import seal_audit
from recon_assets_tests.store.builders import conclusion, missing, publish, quiet_proof

SQL = Path(__file__).resolve().parents[3] / "sql"
STRANGE = 'quote " backslash \\ tab \t line\nfeed \x01 é \u2028 😀'


def write_record(connection: psycopg.Connection, folder: Path) -> None:
    """Three published runs with a seal each, a setting changed, deleted and made anew, a fourth seal; and a gap."""
    publish(connection, folder, key="a", rows=[missing("a"), missing(STRANGE, merchant_id="", fee_minor=-7)])
    with connection.transaction(force_rollback=True):  # the numbers that it took are never used again
        connection.execute("INSERT INTO system_configuration (key, value) VALUES ('rolled', '1'), ('back', '2')")
    answer = conclusion([], processor="paypal", proofs=[quiet_proof(), quiet_proof("EUR")])
    publish(connection, folder, key="b", rows=[], answer=answer)
    publish(connection, folder, key="c", rows=[missing("a")])
    for statement in (
        "INSERT INTO system_configuration (key, value) VALUES ('limit', '1'), ('other', '{\"a\": [1.50, null]}')",
        "UPDATE system_configuration SET value = '2' WHERE key = 'limit'",
        "DELETE FROM system_configuration WHERE key = 'limit'",
        """
        INSERT INTO data_quality_checks
            (dagster_run_id, asset_key, processor_name, business_date, check_name, passed, severity, description,
            rows_checked, failed_rows)
        VALUES ('d', 'stripe/transactions', 'stripe', '2025-09-30', 'ids_are_unique', true, 'WARN', 'x', 3, 0)
        """,
    ):
        connection.execute(statement)
    connection.commit()
    seal_audit(connection)


def as_superuser(connection: psycopg.Connection, tables: Sequence[str], statements: str) -> None:
    """Run `statements` with the triggers of `tables` off, then put every trigger back as it was."""
    with connection.transaction():
        triggers = connection.execute(
            """
            SELECT tgrelid::regclass::text, tgname FROM pg_trigger
            WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)
            """,
            [list(tables)],
        ).fetchall()
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        connection.execute(statements.encode())
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, trigger in triggers:
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}".encode())
