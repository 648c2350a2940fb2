-- What the matrix of attacks (recon_assets_tests/store/audit) found open, closed. Replaced functions keep their owners.

-- `SET search_path = pg_catalog` still looks for types and tables in pg_temp first: whoever may create temporary tables
-- could put a type of his own in the way, and run its code as the owner. Named last, pg_temp is looked at last.
DO $$
DECLARE
    owner text;
    name regprocedure;
BEGIN
    FOREACH owner IN ARRAY ARRAY['recon_audit_owner', 'recon_owner'] LOOP
        EXECUTE format('SET LOCAL ROLE %I', owner);
        FOR name IN
            SELECT p.oid FROM pg_proc AS p
            WHERE p.pronamespace = 'public'::regnamespace AND 'search_path=pg_catalog' = ANY(p.proconfig)
                AND pg_get_userbyid(p.proowner) = owner
        LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', name);
        END LOOP;
    END LOOP;
END $$;

SET LOCAL ROLE recon_owner;

-- a run that can't be seen is not a running one: the tenant may have been changed in the middle of the statement
CREATE OR REPLACE FUNCTION guard_rows_of_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT tenant_id, run_id FROM new_rows) AS n
        LEFT JOIN public.reconciliation_runs AS r ON r.tenant_id = n.tenant_id AND r.id = n.run_id
        WHERE r.status IS DISTINCT FROM 'running'
    ) THEN
        RAISE EXCEPTION 'rows of % are added to a running run only', TG_TABLE_NAME USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;

-- an answer is put away by a later answer of its own day only, when the transaction has given that
CREATE FUNCTION guard_superseding() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.reconciliation_runs AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.superseded_by AND r.version > NEW.version
            AND r.processor_name = NEW.processor_name AND r.run_date = NEW.run_date
            AND r.status IN ('completed', 'incomplete')
    ) THEN
        RAISE EXCEPTION 'run % is superseded by what is no later answer of its day', NEW.id USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER guard_superseding AFTER UPDATE ON reconciliation_runs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (new.superseded_by IS NOT NULL) EXECUTE FUNCTION guard_superseding();
ALTER TABLE reconciliation_runs ENABLE ALWAYS TRIGGER guard_superseding;

-- a setting keeps its id and its key: the audit log tells settings apart by them
REVOKE UPDATE ON system_configuration FROM recon_app;
GRANT UPDATE (value, updated_at, updated_by) ON system_configuration TO recon_app;
