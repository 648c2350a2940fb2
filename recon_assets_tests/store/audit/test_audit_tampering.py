"""What a superuser may do to the record with triggers off, and which verifier finds it.

Only Python looks at the schema; only a remembered head shows a history that was rewritten to its end.
"""

import psycopg
import pytest

from recon_assets.store.audit import last_seal
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.database import Database
from recon_assets_tests.conftest import session_as_superuser, settings_on
from recon_assets_tests.store.audit.tampering import SQL, as_superuser, write_record

COLUMNS = "id, event_time, actor, action, table_name, row_count, run_id, old_value, new_value, context"
MOVE = f"""
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS SELECT * FROM audit_log WHERE seq IN ({{first}}, {{second}});
    DELETE FROM audit_log WHERE seq IN ({{first}}, {{second}});
    INSERT INTO audit_log (seq, {COLUMNS}) OVERRIDING SYSTEM VALUE
    SELECT CASE seq WHEN {{first}} THEN {{second}} ELSE {{first}} END, {COLUMNS} FROM moved
"""
RESEAL = """
    UPDATE audit_seals AS s SET merkle_root = (
        SELECT merkle_root(array_agg(audit_event_leaf(e) ORDER BY e.seq)) FROM audit_log AS e
        WHERE e.seq BETWEEN s.from_seq AND s.to_seq
    ) WHERE seal_no = 2;
    UPDATE audit_seals AS s SET seal_hash = audit_seal_hash(s) WHERE seal_no = 2
"""
REWRITE = """
    UPDATE audit_log SET actor = 'nobody' WHERE seq = (SELECT to_seq FROM audit_seals WHERE seal_no = 2);
    DELETE FROM audit_seals WHERE seal_no >= 2;
    SELECT seal_audit()
"""

RECORD_IS_TAMPERED_WITH = {
    # events
    "an id": ("audit_log", "UPDATE audit_log SET id = gen_random_uuid() WHERE seq = 2"),
    "a time": ("audit_log", "UPDATE audit_log SET event_time = event_time - interval '1 us' WHERE seq = 2"),
    "an actor": ("audit_log", "UPDATE audit_log SET actor = actor || ' ' WHERE seq = 2"),
    "an action": ("audit_log", "UPDATE audit_log SET action = 'INSERT' WHERE seq = 2"),
    "a table's name": ("audit_log", "UPDATE audit_log SET table_name = '' WHERE seq = 2"),
    "a table's name removed": ("audit_log", "UPDATE audit_log SET table_name = NULL WHERE seq = 2"),
    "a row count": ("audit_log", "UPDATE audit_log SET row_count = row_count + 1 WHERE seq = 2"),
    "a run": ("audit_log", "UPDATE audit_log SET run_id = NULL WHERE seq = 2"),
    "an old value": ("audit_log", "UPDATE audit_log SET old_value = 'null' WHERE seq = 2"),
    "a new value": ("audit_log", "UPDATE audit_log SET new_value = new_value || '{\"a\": 1}' WHERE seq = 2"),
    "a context": ("audit_log", "UPDATE audit_log SET context = '{}' WHERE seq = 2"),
    "an event removed": ("audit_log", "DELETE FROM audit_log WHERE seq = 2"),
    "the first event removed": ("audit_log", "DELETE FROM audit_log WHERE seq = 1"),
    "a seal's last event removed": (
        "audit_log",
        "DELETE FROM audit_log WHERE seq = (SELECT to_seq FROM audit_seals WHERE seal_no = 2)",
    ),
    "the last sealed event removed": (
        "audit_log",
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
    ),
    "an event in a gap of numbers": (
        "audit_log",
        """
        INSERT INTO audit_log (seq, action) OVERRIDING SYSTEM VALUE
        SELECT min(g), 'forged' FROM generate_series(1, (SELECT max(seq) FROM audit_log)) AS g
        WHERE NOT EXISTS (SELECT FROM audit_log WHERE seq = g)
        """,
    ),
    "an event before the first": (
        "audit_log",
        "INSERT INTO audit_log (seq, action) OVERRIDING SYSTEM VALUE VALUES (0, 'forged')",
    ),
    "events in another order": ("audit_log", MOVE.format(first=2, second=3)),
    "events in another seal": ("audit_log", MOVE.format(first=2, second=9)),
    **{
        f"a forged digest that says {said}": (
            "audit_log",
            (
                f"INSERT INTO audit_log (action, table_name, run_id, new_value) "
                f"SELECT 'BULK_INSERT', 'discrepancies', run_id, '{said}' FROM discrepancies LIMIT 1"
            ),
        )
        for said in ("[]", "5", "null", '{"columns": 5}', '{"columns": ["no such column"]}', '{"text": [1]}')
    },
    **{
        f"a forged event of a run that says {said}": (
            "audit_log",
            f"INSERT INTO audit_log (action, table_name, new_value) VALUES ('INSERT', 'reconciliation_runs', '{said}')",
        )
        for said in ("[]", "5", '{"id": 5}')
    },
    # seals
    "a seal's number": ("audit_seals", "UPDATE audit_seals SET seal_no = 99 WHERE seal_no = 4"),
    "a seal's link": ("audit_seals", "UPDATE audit_seals SET prev_hash = sha256('') WHERE seal_no = 2"),
    "a seal's beginning": ("audit_seals", "UPDATE audit_seals SET from_seq = from_seq + 1 WHERE seal_no = 2"),
    "a seal's end": ("audit_seals", "UPDATE audit_seals SET to_seq = to_seq - 1 WHERE seal_no = 2"),
    "a seal's count": ("audit_seals", "UPDATE audit_seals SET row_count = row_count + 1 WHERE seal_no = 2"),
    "a seal's root": ("audit_seals", "UPDATE audit_seals SET merkle_root = sha256('') WHERE seal_no = 2"),
    "a seal's time": (
        "audit_seals",
        "UPDATE audit_seals SET sealed_at = sealed_at + interval '1 us' WHERE seal_no = 4",
    ),
    "a seal's hash": ("audit_seals", "UPDATE audit_seals SET seal_hash = sha256('') WHERE seal_no = 4"),
    "the first seal removed": ("audit_seals", "DELETE FROM audit_seals WHERE seal_no = 1"),
    "a seal removed": ("audit_seals", "DELETE FROM audit_seals WHERE seal_no = 2"),
    "a seal made anew without the chain": (
        "audit_log audit_seals",
        f"UPDATE audit_log SET actor = 'x' WHERE seq = (SELECT to_seq FROM audit_seals WHERE seal_no = 2); {RESEAL}",
    ),
    # rows
    "an amount": ("discrepancies", "UPDATE discrepancies SET amount_minor = amount_minor + 1 WHERE amount_minor = 399"),
    "an empty text": ("discrepancies", "UPDATE discrepancies SET merchant_id = NULL WHERE merchant_id = ''"),
    "a discrepancy removed": ("discrepancies", "DELETE FROM discrepancies WHERE merchant_id = ''"),
    "the rows of a run removed": ("discrepancies", "DELETE FROM discrepancies"),
    "a discrepancy moved to a run without any": (
        "discrepancies",
        "UPDATE discrepancies SET run_id = (SELECT id FROM reconciliation_runs WHERE processor_name = 'paypal')",
    ),
    "a proof": ("reconciliation_proofs", "UPDATE reconciliation_proofs SET volume_minor = 0 WHERE currency = 'EUR'"),
    "a proof removed": ("reconciliation_proofs", "DELETE FROM reconciliation_proofs WHERE currency = 'EUR'"),
    "a run's figure": ("reconciliation_runs", "UPDATE reconciliation_runs SET matched_count = 26"),
    "a run added": (
        "reconciliation_runs",
        """
        INSERT INTO reconciliation_runs (processor_name, run_date, version, status, idempotency_key, start_time)
        VALUES ('stripe', '2025-09-30', 77, 'running', 'forged', now())
        """,
    ),
    "a match across days added": (
        "prior_day_matches",
        """
        INSERT INTO prior_day_matches (
            processor_name, processor_date, processor_discrepancy_id, ledger_date, ledger_discrepancy_id, currency,
            amount_minor, pass, rule_version, found_by
        ) SELECT processor_name, run_date, id, run_date + 1, id, 'USD', 1, 'forged', rule_version, id
        FROM reconciliation_runs LIMIT 1
        """,
    ),
    "a check's outcome": ("data_quality_checks", "UPDATE data_quality_checks SET rows_checked = 4"),
    "a check removed": ("data_quality_checks", "DELETE FROM data_quality_checks"),
    "a setting": ("system_configuration", "UPDATE system_configuration SET value = '3'"),
    "a setting that was deleted": (
        "system_configuration",
        """
        INSERT INTO system_configuration (id, key, value)
        SELECT run.id, 'limit', '2' FROM (
            SELECT (old_value ->> 'id')::uuid AS id FROM audit_log WHERE action = 'DELETE'
        ) AS run
        """,
    ),
}

SCHEMA_IS_TAMPERED_WITH = {
    "a trigger dropped": ("DROP TRIGGER audit_insert ON discrepancies", "trigger audit_insert on public.discrepancies"),
    "a trigger disabled": (
        "ALTER TABLE audit_log DISABLE TRIGGER refuse_change",
        "trigger refuse_change on public.audit_log",
    ),
    "a trigger that replication skips": (
        "ALTER TABLE audit_log ENABLE TRIGGER refuse_change",
        "trigger refuse_change on public.audit_log",
    ),
    "a trigger added": (
        "CREATE TRIGGER later BEFORE INSERT ON discrepancies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        "trigger later on public.discrepancies",
    ),
    "foreign keys off": (
        "ALTER TABLE discrepancies DISABLE TRIGGER ALL",
        "trigger of discrepancies_of_own_run on public.discrepancies",
    ),
    "a function replaced": (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "function public.refuse_change()",
    ),
    "a verifier that is blind": (
        """
        CREATE OR REPLACE FUNCTION verify_audit()
        RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
        LANGUAGE sql STABLE AS 'SELECT null::bigint, null::bigint, null::uuid, null::text LIMIT 0'
        """,
        "function public.verify_audit()",
    ),
    "a hash of another form": (
        """
        CREATE OR REPLACE FUNCTION audit_event_leaf(event audit_log) RETURNS bytea
        LANGUAGE sql AS 'SELECT null::bytea'
        """,
        "function public.audit_event_leaf(public.audit_log)",
    ),
    "a built-in function": (
        "CREATE FUNCTION pg_catalog.to_jsonb(text) RETURNS jsonb LANGUAGE sql AS 'SELECT null::jsonb'",
        "built-in function to_jsonb(text)",
    ),
    "an operator that changes what a time looks like": (
        "CREATE OPERATOR pg_catalog.* (FUNCTION = pg_catalog.round, LEFTARG = numeric, RIGHTARG = integer)",
        "operator *(numeric,integer)",
    ),
    "a cast of text": ("CREATE CAST (bigint AS varchar) WITH INOUT", "cast of bigint as character varying"),
    "a schema's owner": ("ALTER SCHEMA public OWNER TO recon_owner", "schema public"),
    "a schema's grant": ("GRANT CREATE ON SCHEMA public TO recon_app", "schema public"),
    "a definer's view": ("CREATE VIEW open_window AS SELECT * FROM discrepancies", "table public.open_window"),
    "a view in a schema of its own": (
        "CREATE SCHEMA side; CREATE VIEW side.door AS SELECT 1 AS one",
        "table side.door",
    ),
    "a view that runs as its owner": (
        "ALTER VIEW missing_transactions SET (security_invoker = FALSE)",
        "table public.missing_transactions",
    ),
    "a constraint dropped": (
        "ALTER TABLE reconciliation_runs DROP CONSTRAINT status_says_incomplete",
        "constraint status_says_incomplete on public.reconciliation_runs",
    ),
    "an index dropped": ("DROP INDEX one_current_run", "index public.one_current_run"),
    "a column added": ("ALTER TABLE discrepancies ADD COLUMN note text", "table public.discrepancies"),
    "a default": ("ALTER TABLE audit_log ALTER actor SET DEFAULT 'recon'", "table public.audit_log"),
    "numbers in caches": ("ALTER SEQUENCE audit_log_seq_seq CACHE 50", "table public.audit_log_seq_seq"),
    "a rule": (
        "CREATE RULE silence AS ON INSERT TO system_configuration DO INSTEAD NOTHING",
        "rule silence on public.system_configuration",
    ),
    "a grant to everybody": ("GRANT UPDATE ON discrepancies TO public", "table public.discrepancies"),
    "a grant of one column": ("GRANT SELECT (actor) ON audit_log TO public", "table public.audit_log"),
    "an owner": ("ALTER TABLE discrepancies OWNER TO pg_monitor", "table public.discrepancies"),
    "row-level security": ("ALTER TABLE discrepancies DISABLE ROW LEVEL SECURITY", "table public.discrepancies"),
    "a policy": ("CREATE POLICY blind ON audit_log USING (actor <> 'me')", "policy blind on public.audit_log"),
    "an event trigger": (
        """
        CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()
        """,
        "event trigger on_ddl",
    ),
}


@pytest.fixture(scope="module")
def written(server, new_database, tmp_path_factory) -> str:
    """The name of a database with a record, to be copied."""
    folder = tmp_path_factory.mktemp("written")
    name = new_database(is_template=True)
    with session_as_superuser(Database.from_settings(settings_on(server, folder, name=name))) as connection:
        write_record(connection, folder)
    return name


@pytest.fixture
def record(server, new_database, written, tmp_path):
    """A connection to a copy of one's own."""
    database = Database.from_settings(settings_on(server, tmp_path, name=new_database(template=written)))
    with session_as_superuser(database) as connection:
        yield connection


def problems(connection: psycopg.Connection, heads: list[tuple[int, str]] | None = None) -> list[str]:
    found = verify_audit(connection, sql_dir=SQL, heads=heads or [])
    return [f"{problem.check}: {problem.where}: {problem.what}" for problem in found.problems]


def kept_head(connection: psycopg.Connection) -> tuple[int, str]:
    seal = last_seal(connection)
    assert seal is not None
    return seal.seal_no, seal.seal_hash.hex()


def test_an_untouched_record_is_as_written_by_both_verifiers_and_the_head(record) -> None:
    found = verify_audit(record, sql_dir=SQL, heads=[kept_head(record)])
    assert found.problems == []
    assert verify_inside(record) == []
    assert found.unsealed == 0
    assert found.checked["events"] == 25
    assert found.checked["seals"] == 4
    assert found.checked["discrepancies rows"] == 3
    assert found.checked["reconciliation_proofs rows"] == 4
    assert found.checked["reconciliation_runs rows"] == 3


@pytest.mark.parametrize("what", RECORD_IS_TAMPERED_WITH)
def test_a_changed_record_is_found_by_both_verifiers(record, what: str) -> None:
    tables, statements = RECORD_IS_TAMPERED_WITH[what]
    as_superuser(record, tables.split(), statements)
    assert problems(record)
    assert verify_inside(record)
    assert not [problem for problem in problems(record) if problem.startswith("schema")], "found by what it did alone"


@pytest.mark.parametrize("what", SCHEMA_IS_TAMPERED_WITH)
def test_a_changed_schema_is_found_by_name_in_python(record, what: str) -> None:
    statements, name = SCHEMA_IS_TAMPERED_WITH[what]
    record.execute(statements.encode())
    record.commit()
    assert any(problem.startswith(f"schema: -: {name}") for problem in problems(record)), problems(record)


def test_the_place_is_said(record) -> None:
    as_superuser(record, ["audit_log"], "UPDATE audit_log SET actor = 'x' WHERE seq = 2")
    assert problems(record) == ["events: seal 1, event 1: an event from 1 to 6 was changed"]
    run = record.execute("SELECT run_id::text FROM discrepancies WHERE merchant_id = ''").fetchone()[0]
    record.commit()
    as_superuser(record, ["discrepancies"], "DELETE FROM discrepancies WHERE merchant_id = ''")
    assert problems(record)[1] == f"discrepancies rows: event 2, run {run}: 1 rows, the event says 2"


@pytest.mark.parametrize("statements", [REWRITE, "DELETE FROM audit_seals WHERE seal_no = 4"])
def test_a_history_rewritten_to_its_end_is_found_by_a_remembered_head_only(record, statements: str) -> None:
    head = kept_head(record)
    as_superuser(record, ["audit_log", "audit_seals"], statements)
    assert problems(record) == []
    assert verify_inside(record) == []
    assert [problem[:13] for problem in problems(record, [head])] == ["heads: seal 4"]


def test_an_event_after_the_last_seal_is_counted_and_not_protected(record) -> None:
    """Named in docs/audit.md: nothing in the database can tell a superuser's lie about the present."""
    record.execute("INSERT INTO audit_log (action) VALUES ('forged')")
    record.commit()
    found = verify_audit(record, sql_dir=SQL, heads=[kept_head(record)])
    assert (found.problems, found.unsealed) == ([], 1)
