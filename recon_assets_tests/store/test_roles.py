"""Rights, read from the catalogue and tried: a new table, view or function that forgets them fails here."""

import psycopg
import pytest
from psycopg import errors

from recon_assets.store import roles
from recon_assets.store.roles import powers_beyond
from recon_assets_tests.store.tenants import TABLES, VIEWS

OURS = "relnamespace = 'public'::regnamespace"
WITHOUT_TENANTS = {"schema_migrations"}
"""What the application may read although it belongs to no tenant: it holds nobody's data."""


def names(connection: psycopg.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query.encode()).fetchall()}


def months(connection: psycopg.Connection) -> set[str]:
    """The partitions of `discrepancies`."""
    return names(
        connection, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'discrepancies'::regclass"
    )


def test_whatever_the_application_may_touch_has_row_level_security_that_is_forced(superuser) -> None:
    reachable = names(
        superuser,
        f"""
        SELECT relname FROM pg_class, unnest(ARRAY['recon_app', 'recon_reader']) AS role
        WHERE {OURS} AND relkind IN ('r', 'p', 'f', 'm') AND (
            has_any_column_privilege(role, oid, 'SELECT,INSERT,UPDATE,REFERENCES')
            OR has_table_privilege(role, oid, 'DELETE,TRUNCATE,TRIGGER')
        )
        """,
    )
    secured = names(
        superuser,
        f"""
        SELECT c.relname FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull
        WHERE {OURS} AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
            SELECT FROM pg_policy WHERE polrelid = c.oid
            AND pg_get_expr(polqual, polrelid) LIKE '%current_tenant()%'
            AND pg_get_expr(polwithcheck, polrelid) LIKE '%current_tenant()%'
        )
        """,
    )
    assert reachable - secured == WITHOUT_TENANTS
    assert secured - months(superuser) == set(TABLES), "tests of tenants try every table"
    assert secured >= months(superuser) != set()
    assert reachable.isdisjoint(months(superuser)), "a month is reached through its table only"


def test_every_unique_index_but_of_our_own_ids_and_every_reference_carries_the_tenant(superuser) -> None:
    without = names(
        superuser,
        """
        SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid IN (
            SELECT attrelid FROM pg_attribute WHERE attname = 'tenant_id'
        ) AND NOT EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'tenant_id' AND attnum = ANY(conkey)
        )
        UNION ALL
        SELECT i.indexrelid::regclass::text FROM pg_index AS i
        INNER JOIN pg_attribute AS t ON t.attrelid = i.indrelid AND t.attname = 'tenant_id'
        WHERE i.indisunique AND i.indkey[0] <> t.attnum AND pg_get_indexdef(i.indexrelid) NOT LIKE '%(id)'
        """,
    )
    assert without == set()


def test_every_view_runs_with_the_rights_of_who_asks_and_is_tried_by_the_tests_of_tenants(superuser) -> None:
    options = superuser.execute(
        f"SELECT relname, coalesce(reloptions, '{{}}') @> '{{security_invoker=true}}' FROM pg_class "
        f"WHERE relkind IN ('v', 'm') AND {OURS}".encode()
    ).fetchall()
    assert dict(options) == dict.fromkeys(VIEWS, True)


def test_functions_with_their_owners_rights_have_a_search_path_and_are_not_for_everybody(superuser) -> None:
    wrong = names(
        superuser,
        """
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND (
            NOT coalesce(array_to_string(proconfig, ' '), '') LIKE '%search_path=pg_catalog, pg_temp%'
            OR has_function_privilege('recon_app', oid, 'EXECUTE')
        )
        """,
    )
    assert wrong == {
        "ensure_month",  # makes the partition of a date, guarded as every other
        "audit_head",  # a number and a hash
        "audit_sealed_at",  # when that was sealed
        "seal_audit",  # only adds a true seal: a publication ends with it
    }


def test_everything_belongs_to_the_two_owners_and_nothing_to_who_writes(superuser) -> None:
    owners = superuser.execute(
        f"""
        SELECT pg_get_userbyid(relowner), relname FROM pg_class WHERE {OURS} AND relkind NOT IN ('i', 'I')
        UNION ALL
        SELECT pg_get_userbyid(proowner), proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        """.encode()
    ).fetchall()
    of_audit = {name for owner, name in owners if owner == "recon_audit_owner"}
    assert {owner for owner, _ in owners} == set(roles.OWNERS)
    assert of_audit >= {
        "audit_log",
        "audit_seals",
        "seal_audit",
        "verify_audit",
        "audit_log_seq_seq",
        "audit_rows",
        "audit_digest",
        "audit_context",
        "refuse_change",
    }
    assert of_audit.isdisjoint(TABLES)
    owned = superuser.execute(
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid IN ("
        "'recon_app'::regrole, 'recon_reader'::regrole, 'recon_auditor'::regrole, 'recon_sealer'::regrole, "
        "'recon'::regrole)"
    ).fetchone()
    assert owned == (0,)


def test_nobody_but_its_owner_may_write_the_audit_log(superuser) -> None:
    may = superuser.execute(
        """
        SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname LIKE 'recon%' AND (
            has_any_column_privilege(oid, 'audit_log', 'INSERT,UPDATE,REFERENCES')
            OR has_table_privilege(oid, 'audit_log', 'DELETE,TRUNCATE,TRIGGER')
        )
        """
    ).fetchall()
    assert may == [("recon_audit_owner",)]


def test_groups_cannot_log_in_and_have_no_powers(superuser) -> None:
    powers = superuser.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND "
        "(rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        [[*roles.OWNERS, roles.APPLICATION, roles.READER, roles.AUDITOR, "recon_sealer"]],
    ).fetchall()
    assert powers == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE discrepancies",
        "DROP VIEW missing_transactions",
        "ALTER TABLE discrepancies DISABLE TRIGGER ALL",
        "ALTER TABLE discrepancies DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_log DISABLE TRIGGER refuse_change",
        "DROP POLICY rows_of_tenant ON discrepancies",
        "TRUNCATE system_configuration",
        "TRUNCATE discrepancies CASCADE",
        "DELETE FROM system_configuration",
        "UPDATE discrepancies SET amount_minor = 0",
        "UPDATE data_quality_checks SET passed = true",
        "CREATE TABLE more ()",
        "CREATE OR REPLACE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql RETURN gen_random_uuid()",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql RETURN 1",
        "SELECT * FROM audit_log",
        "INSERT INTO audit_log (action) VALUES ('INSERT')",
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "SELECT setval('audit_log_seq_seq', 1)",
        "INSERT INTO schema_migrations (version, name, sha256) VALUES (99, 'x', 'x')",
        "SET session_replication_role = replica",
        "SET ROLE recon_owner",
        "SET ROLE recon_audit_owner",
        "SET ROLE recon_auditor",
        "SET ROLE postgres",
        "CREATE ROLE more",
    ],
)
@pytest.mark.parametrize("acting_as", ["recon_app", "none"])
def test_the_application_cannot(connection, statement: str, acting_as: str) -> None:
    connection.execute(f"SET LOCAL ROLE {acting_as}".encode())
    with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
        connection.execute(statement.encode())


@pytest.mark.parametrize("function", ["audit_rows", "audit_digest"])
def test_a_temporary_table_with_an_audit_trigger_would_invent_events_and_is_refused(connection, function: str) -> None:
    connection.execute("CREATE TEMPORARY TABLE discrepancies (run_id uuid)")
    with pytest.raises(errors.InsufficientPrivilege, match=function):
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON pg_temp.discrepancies REFERENCING NEW TABLE AS new_rows "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()".encode()
        )


@pytest.mark.parametrize("role", [roles.READER, roles.AUDITOR])
@pytest.mark.parametrize("table", [*TABLES, "audit_log", "schema_migrations"])
def test_who_reads_writes_nothing(superuser, role: str, table: str) -> None:
    may = superuser.execute(
        "SELECT has_any_column_privilege(%(role)s, %(table)s, 'INSERT,UPDATE,REFERENCES') "
        "OR has_table_privilege(%(role)s, %(table)s, 'DELETE,TRUNCATE,TRIGGER')",
        {"role": role, "table": table},
    ).fetchone()
    assert may == (False,)


def test_the_applications_login_has_no_further_powers_and_a_superusers_is_told(connection, database) -> None:
    assert powers_beyond(connection) == ()
    with database.connect_as_migrator() as superuser:
        assert powers_beyond(superuser) == ("it is a superuser",)
