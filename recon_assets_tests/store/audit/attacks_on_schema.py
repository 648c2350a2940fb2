"""Attacks on what guards the record: triggers, functions, policies, grants, and the names that they go by."""

from typing import Final

from recon_assets_tests.store.audit.attack import (
    NO_EFFECT,
    REFUSED,
    REFUSED_TO_ALL,
    ROWS,
    SCHEMA,
    STOP,
    Attack,
    both,
    without_triggers,
)

OF_RECORD: Final = (REFUSED, SCHEMA, REFUSED, SCHEMA)
OF_AUDIT: Final = (REFUSED, REFUSED, SCHEMA, SCHEMA)
ONLY_SUPERUSER: Final = (REFUSED, REFUSED, REFUSED, SCHEMA)

REPLACED: Final = "CREATE OR REPLACE FUNCTION {name} RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
BLIND_VERIFIER: Final = """
    CREATE OR REPLACE FUNCTION verify_audit()
    RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
    LANGUAGE sql STABLE AS 'SELECT null::bigint, null::bigint, null::uuid, null::text LIMIT 0'
"""
EMPTY_VIEW: Final = """
    DO $$ BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW missing_transactions WITH (security_invoker = TRUE) AS SELECT * FROM ('
            || rtrim(pg_get_viewdef('missing_transactions'), ';') || ') AS v WHERE FALSE';
    END $$
"""
DOCTORED_LOG: Final = """
    ALTER TABLE audit_log RENAME TO audit_log_before;
    CREATE VIEW audit_log AS SELECT * FROM audit_log_before
"""
A_CHILD: Final = """
    CREATE TABLE more_proofs () INHERITS (reconciliation_proofs);
    INSERT INTO more_proofs (
        tenant_id, run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor,
        ledger_total_minor, signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) VALUES (gen_random_uuid(), gen_random_uuid(), 'USD', 2, 0, 0, 0, 0, 0, 0, 0, 0)
"""
# A cast decides how a verifier that asks for text sees a value. The function lies where nobody looks for functions.
A_CAST: Final = """
    CREATE FUNCTION pg_toast.shown(shown uuid) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        RETURN replace(uuid_out(shown)::text, '00000000-0000-4000-8000-00000000beef', current_setting('seen.id', TRUE));
    END $$;
    DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION pg_toast.shown SET seen.id = %L', (SELECT id FROM audit_log WHERE seq = 2));
    END $$;
    CREATE CAST (uuid AS text) WITH FUNCTION pg_toast.shown(uuid);
    """ + without_triggers(
    "audit_log", "UPDATE audit_log SET id = '00000000-0000-4000-8000-00000000beef' WHERE seq = 2"
)
# PostgreSQL looks for types and tables in pg_temp first, unless the search path names pg_temp last.
TEMPORARY_TYPE: Final = """
    CREATE FUNCTION pg_temp.forge(value pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF current_user = 'recon_audit_owner' THEN
            INSERT INTO public.audit_log (action) VALUES ('forged');
        END IF;
        RETURN TRUE;
    END $$;
    CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.forge(VALUE));
    UPDATE public.system_configuration SET value = value WHERE key = 'other'
"""
TEMPORARY_RUNS: Final = """
    CREATE TEMPORARY TABLE reconciliation_runs AS
    SELECT tenant_id, id, 'running' AS status FROM public.reconciliation_runs;
    INSERT INTO public.reconciliation_proofs (
        tenant_id, run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor,
        ledger_total_minor, signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) SELECT tenant_id, id, 'CHF', 2, 0, 0, 0, 0, 0, 0, 0, 0 FROM public.reconciliation_runs
"""

ATTACKS_ON_SCHEMA: Final = (
    Attack("a trigger of the record is disabled", "ALTER TABLE discrepancies DISABLE TRIGGER audit_insert", OF_RECORD),
    Attack("a trigger of the record is dropped", "DROP TRIGGER audit_update ON reconciliation_runs", OF_RECORD),
    Attack(
        "a trigger of the record is replaced",
        """
        CREATE OR REPLACE TRIGGER guard_rows AFTER INSERT ON reconciliation_proofs
        FOR EACH STATEMENT EXECUTE FUNCTION guard_rows_of_run()
        """,
        OF_RECORD,
    ),
    Attack("a trigger of the audit is dropped", "DROP TRIGGER refuse_change ON audit_log", OF_AUDIT),
    Attack(
        "a trigger of the audit is made one that replicas skip",
        "ALTER TABLE audit_seals ENABLE TRIGGER refuse_change",
        OF_AUDIT,
    ),
    Attack("the function of a guard is replaced", REPLACED.format(name="guard_run()"), OF_RECORD),
    Attack("the function that writes events is replaced", REPLACED.format(name="audit_rows()"), OF_AUDIT),
    Attack("the function that refuses changes is replaced", REPLACED.format(name="refuse_change()"), OF_AUDIT),
    Attack("the database's own verifier is made blind", BLIND_VERIFIER, OF_AUDIT),
    Attack(
        "a function with its owner's rights is made",
        """
        CREATE FUNCTION helper() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN DELETE FROM audit_log; END'
        """,
        (REFUSED, SCHEMA, SCHEMA, SCHEMA),
    ),
    Attack("events get another actor by default", "ALTER TABLE audit_log ALTER actor SET DEFAULT 'recon'", OF_AUDIT),
    Attack("a policy is dropped", "DROP POLICY rows_of_tenant ON discrepancies", OF_RECORD),
    Attack("a policy is changed", "ALTER POLICY rows_of_tenant ON discrepancies USING (TRUE)", OF_RECORD),
    Attack(
        "the owner is let past row-level security", "ALTER TABLE discrepancies NO FORCE ROW LEVEL SECURITY", OF_RECORD
    ),
    Attack(
        "the application is granted more of the record",
        "GRANT UPDATE, DELETE ON discrepancies TO recon_app",
        (NO_EFFECT, SCHEMA, REFUSED, SCHEMA),
    ),
    Attack("the application is granted the audit log", "GRANT ALL ON audit_log TO recon_app", OF_AUDIT),
    Attack(
        "the application is allowed to make objects",
        "GRANT CREATE ON SCHEMA public TO recon_app",
        (NO_EFFECT, NO_EFFECT, NO_EFFECT, SCHEMA),
    ),
    Attack(
        "the application is let past row-level security",
        "ALTER ROLE recon_app BYPASSRLS",
        ONLY_SUPERUSER,
        undo="ALTER ROLE recon_app NOBYPASSRLS",
    ),
    Attack(
        "the application is made a member of the audit's owner",
        "GRANT recon_audit_owner TO recon_app",
        ONLY_SUPERUSER,
        undo="REVOKE recon_audit_owner FROM recon_app",
    ),
    Attack(
        "a rule makes an insert disappear",
        "CREATE RULE hide AS ON INSERT TO system_configuration DO INSTEAD NOTHING",
        OF_RECORD,
    ),
    Attack("a view hides every row", EMPTY_VIEW, OF_RECORD),
    Attack("a view takes the place of the audit log", DOCTORED_LOG, OF_AUDIT),
    Attack(
        "the audit log is dropped",
        "DROP TABLE audit_log CASCADE",
        (REFUSED, REFUSED, STOP, STOP),
    ),
    Attack(
        "a child table brings rows into the record",
        A_CHILD,
        (REFUSED, both(SCHEMA, ROWS), REFUSED, both(SCHEMA, ROWS)),
    ),
    Attack("a cast shows the verifier the value of before", A_CAST, ONLY_SUPERUSER),
    Attack(
        "a temporary type hides a built-in one from the audit's functions",
        TEMPORARY_TYPE,
        (NO_EFFECT, REFUSED, REFUSED, NO_EFFECT),
    ),
    Attack("a temporary table hides the runs from their guard", TEMPORARY_RUNS, REFUSED_TO_ALL),
)
