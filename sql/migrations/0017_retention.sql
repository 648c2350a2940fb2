-- Retention: a month of `discrepancies` is detached into the schema recon_retired, never dropped. Its rows are in a
-- file of the archive before; the audit log says in which, and verification goes on over both schemas.

-- recon_owner may not create schemas: the login that migrates does it for him, before it acts as him
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'recon_retired') THEN
        CREATE SCHEMA recon_retired AUTHORIZATION recon_owner;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the login % may not create a schema', current_user USING
        ERRCODE = '42501',
        HINT = 'As an administrator run in this database: CREATE SCHEMA recon_retired AUTHORIZATION recon_owner;';
END $$;
SET LOCAL ROLE recon_owner;

COMMENT ON SCHEMA recon_retired IS
'Months of discrepancies that were detached by `recon retention apply`: as they were, append-only, for auditors only';
GRANT USAGE ON SCHEMA recon_retired TO recon_auditor;

-- Detach a month as recon_retired.<name>: discrepancies_2019_03, or with _2 and so on if the month was retired before.
-- `archived` says where its rows are: file, sha256, row_count and what else is to be remembered. Fails with 40001 when
-- rows came since they were counted for the archive. Readers and writers wait for it, 10 s at most for them to end.
CREATE FUNCTION retire_month(month date, name text, archived jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    attached CONSTANT text := 'discrepancies_' || to_char(month, 'YYYY_MM');
    prefix CONSTANT text := 'retired_' || substr(name, length('discrepancies_') + 1);
    target regclass;
    row_count bigint;
    index_name text;
BEGIN
    IF (name = attached OR (starts_with(name, attached) AND substr(name, length(attached) + 1) ~ '^_[1-9]\d{0,2}$'))
        IS NOT TRUE THEN
        RAISE EXCEPTION '% is no name for the retired month %', name, month USING ERRCODE = '42602';
    END IF;
    IF (archived ->> 'sha256' ~ '^[0-9a-f]{64}$' AND length(archived ->> 'file') > 0) IS NOT TRUE THEN
        RAISE EXCEPTION 'a month is retired only with the file of its rows and its SHA-256' USING ERRCODE = '22023';
    END IF;
    LOCK TABLE ONLY public.discrepancies IN ACCESS EXCLUSIVE MODE;
    SELECT i.inhrelid INTO target FROM pg_inherits AS i
    WHERE i.inhparent = 'public.discrepancies'::regclass AND i.inhrelid = to_regclass('public.' || attached);
    IF target IS NULL THEN
        RAISE EXCEPTION '% is no partition of discrepancies', attached USING ERRCODE = '42P01';
    END IF;
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', attached);
    -- the owner sees the rows of every tenant for this one count, while nobody else can reach the table
    EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', attached);
    EXECUTE format('SELECT count(*) FROM public.%I', attached) INTO row_count;
    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', attached);
    IF row_count IS DISTINCT FROM (archived ->> 'row_count')::bigint THEN
        RAISE EXCEPTION '% has % rows, the archive %', attached, row_count, archived ->> 'row_count'
        USING ERRCODE = '40001';
    END IF;
    EXECUTE format('ALTER TABLE public.discrepancies DETACH PARTITION public.%I', attached);
    -- runs are never deleted and nothing is added here: the reference would only tie down the runs for ever
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT discrepancies_of_own_run', attached);
    -- the month may come back, and be retired again, with the names of today
    FOR index_name IN
        SELECT c.relname FROM pg_index AS i INNER JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = target
    LOOP
        EXECUTE format('ALTER INDEX public.%I RENAME TO %I', index_name, replace(index_name, attached, prefix));
    END LOOP;
    IF name <> attached THEN
        EXECUTE format('ALTER TABLE public.%I RENAME TO %I', attached, name);
    END IF;
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA recon_retired', name);
    EXECUTE format('GRANT SELECT ON recon_retired.%I TO recon_auditor', name);
    EXECUTE format(
        'COMMENT ON TABLE recon_retired.%I IS %L', name,
        format('Retired; the same rows: %s, SHA-256 %s', archived ->> 'file', archived ->> 'sha256')
    );
    PERFORM public.note_retired_month(name, row_count, archived);
    RETURN row_count;
END $$;
REVOKE EXECUTE ON FUNCTION retire_month(date, text, jsonb) FROM public;

SET LOCAL ROLE recon_audit_owner;

-- the one event that no trigger writes: recon_owner may have it written, by retire_month
CREATE FUNCTION note_retired_month(name text, row_count bigint, archived jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
    INSERT INTO public.audit_log (action, table_name, row_count, new_value, context)
    VALUES ('RETIRE', 'recon_retired.' || name, row_count, archived, public.audit_context());
$$;
REVOKE EXECUTE ON FUNCTION note_retired_month(text, bigint, jsonb) FROM public;
GRANT EXECUTE ON FUNCTION note_retired_month(text, bigint, jsonb) TO recon_owner;

-- Are the retired tables those that the events speak of? Their rows are verified with those of the table itself.
CREATE FUNCTION verify_audit_retired()
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
    SELECT
        NULL::bigint AS seal_no,
        s.seq AS event_seq,
        NULL::uuid AS run_id,
        CASE
            WHEN s.seq IS NULL THEN format('no event speaks of the retired table %s', f.name)
            ELSE format(
                'the retired table %s is gone; its %s rows are in %s of the archive, SHA-256 %s',
                s.name, s.row_count, s.new_value ->> 'file', s.new_value ->> 'sha256'
            )
        END AS problem
    FROM (
        SELECT e.seq, e.row_count, e.new_value, e.table_name AS name
        FROM public.audit_log AS e WHERE e.action = 'RETIRE'
    ) AS s
    FULL JOIN (
        SELECT 'recon_retired.' || c.relname AS name
        FROM pg_class AS c INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
        WHERE n.nspname = 'recon_retired' AND c.relkind = 'r'
    ) AS f ON s.name = f.name
    WHERE s.seq IS NULL OR f.name IS NULL;
$$;

-- As before, and: retired months, and the tables of 0014. Their rows are verified with the others since 0018.
CREATE OR REPLACE FUNCTION verify_audit()
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT * FROM verify_audit_seals()
    UNION ALL
    SELECT * FROM verify_audit_retired()
    UNION ALL
    SELECT v.*
    FROM unnest('{discrepancies,discrepancy_events,matches,reconciliation_proofs}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_digests(t.name) AS v
    UNION ALL
    SELECT v.*
    FROM unnest('{reconciliation_runs,data_quality_checks,system_configuration,outbox}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_rows(t.name) AS v;
END;

REVOKE EXECUTE ON FUNCTION verify_audit_retired() FROM public;
RESET ROLE;
