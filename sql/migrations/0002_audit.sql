-- The audit log and the triggers that keep the record honest: what may change, and that every change is written down.
-- Refusals have the code 42501 (insufficient privilege) and hold for the owner too.

CREATE TABLE audit_log (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL DEFAULT session_user,
    action text NOT NULL,
    table_name text,
    row_count bigint NOT NULL DEFAULT 1 CHECK (row_count >= 0),
    run_id uuid,
    old_value jsonb,
    new_value jsonb,
    context jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX audit_of_run ON audit_log (run_id, seq);
CREATE INDEX audit_by_time ON audit_log USING brin (event_time);

CREATE FUNCTION audit_context() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog
RETURN jsonb_strip_nulls(
    jsonb_build_object(
        'application', nullif(current_setting('application_name', TRUE), ''),
        'address', host(inet_client_addr()),
        'transaction', pg_current_xact_id()::text
    )
);

-- small tables: one event per changed row
CREATE FUNCTION audit_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    run_id_field CONSTANT text := CASE TG_TABLE_NAME WHEN 'reconciliation_runs' THEN 'id' ELSE 'run_id' END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.audit_log (action, table_name, run_id, new_value, context)
        SELECT TG_OP, TG_TABLE_NAME, (j ->> run_id_field)::uuid, j, public.audit_context()
        FROM (SELECT to_jsonb(n) AS j FROM new_rows AS n) AS changed;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO public.audit_log (action, table_name, run_id, old_value, new_value, context)
        SELECT TG_OP, TG_TABLE_NAME, (j ->> run_id_field)::uuid, old_j, j, public.audit_context()
        FROM (SELECT to_jsonb(o) AS old_j, to_jsonb(n) AS j FROM old_rows AS o JOIN new_rows AS n USING (id)) AS changed
        WHERE old_j IS DISTINCT FROM j;
    ELSE
        INSERT INTO public.audit_log (action, table_name, run_id, old_value, context)
        SELECT TG_OP, TG_TABLE_NAME, (j ->> run_id_field)::uuid, j, public.audit_context()
        FROM (SELECT to_jsonb(o) AS j FROM old_rows AS o) AS changed;
    END IF;
    RETURN NULL;
END $$;

-- the rows of a run, which never change: one event with their number and a digest of them all
CREATE FUNCTION audit_digest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
BEGIN
    INSERT INTO public.audit_log (action, table_name, row_count, run_id, new_value, context)
    SELECT 'BULK_INSERT', TG_TABLE_NAME, count(*), n.run_id,
        jsonb_build_object(
            'sha256',
            encode(sha256(string_agg(row_digest, ''::bytea ORDER BY row_digest)), 'hex')
        ),
        public.audit_context()
    FROM (SELECT r.run_id, sha256(convert_to(to_jsonb(r)::text, 'UTF8')) AS row_digest FROM new_rows AS r) AS n
    GROUP BY n.run_id;
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% on % is not allowed: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

-- a run begins running or is a failure; it ends once; a current one may be superseded; nothing else
CREATE FUNCTION guard_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    superseding CONSTANT text[] := '{is_current,superseded_by,superseded_at}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status IN ('running', 'failed') AND NOT NEW.is_current AND NEW.superseded_by IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.status = 'running' AND NEW.status IN ('completed', 'incomplete', 'failed', 'aborted')
        AND (OLD.id, OLD.processor_name, OLD.run_date, OLD.version) = (NEW.id, NEW.processor_name, NEW.run_date, NEW.version)
        AND (OLD.idempotency_key, OLD.start_time) = (NEW.idempotency_key, NEW.start_time)
        AND OLD.dagster_run_id IS NOT DISTINCT FROM NEW.dagster_run_id
        AND NEW.superseded_by IS NULL AND NEW.is_current = (NEW.status IN ('completed', 'incomplete')) THEN
        RETURN NEW;
    ELSIF OLD.is_current AND NOT NEW.is_current AND NEW.superseded_by IS NOT NULL
        AND to_jsonb(OLD) - superseding = to_jsonb(NEW) - superseding THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal change of run % to %', NEW.id, NEW.status USING ERRCODE = '42501';
END $$;

-- the rows of a run come while it runs: nothing is added to an answer that was given
CREATE FUNCTION guard_rows_of_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT run_id FROM new_rows) AS n
        JOIN public.reconciliation_runs AS r ON r.id = n.run_id
        WHERE r.status <> 'running'
    ) THEN
        RAISE EXCEPTION 'rows of % are added to a running run only', TG_TABLE_NAME USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;

-- an outcome may be linked to its run, once
CREATE FUNCTION guard_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.run_id IS NULL AND to_jsonb(OLD) - 'run_id' = to_jsonb(NEW) - 'run_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the outcome of a check is never changed' USING ERRCODE = '42501';
END $$;

CREATE TRIGGER guard_run BEFORE INSERT OR UPDATE ON reconciliation_runs
FOR EACH ROW EXECUTE FUNCTION guard_run();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON reconciliation_runs
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_check BEFORE UPDATE ON data_quality_checks
FOR EACH ROW EXECUTE FUNCTION guard_check();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON data_quality_checks
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE TRUNCATE ON system_configuration
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- FOR EACH STATEMENT refuses even a change of no rows; ALWAYS holds under session_replication_role = replica too
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_log', 'discrepancies', 'reconciliation_proofs'] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY['discrepancies', 'reconciliation_proofs'] LOOP
        EXECUTE format(
            'CREATE TRIGGER guard_rows AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION guard_rows_of_run()', name
        );
        EXECUTE format(
            'CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_digest()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY['reconciliation_runs', 'data_quality_checks', 'system_configuration'] LOOP
        EXECUTE format(
            'CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_rows()', name
        );
        EXECUTE format(
            'CREATE TRIGGER audit_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_rows()', name
        );
        EXECUTE format(
            'CREATE TRIGGER audit_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_rows()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'audit_log', 'discrepancies', 'reconciliation_proofs', 'reconciliation_runs', 'data_quality_checks'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_change', name);
    END LOOP;
END $$;

ALTER TABLE reconciliation_runs ENABLE ALWAYS TRIGGER guard_run;
ALTER TABLE data_quality_checks ENABLE ALWAYS TRIGGER guard_check;
