-- The frontier: up to which event nothing can be added any more. Whoever writes to audit_log holds an advisory lock
-- SHARED until commit; who takes it alone (0007) knows that every number given out so far is committed, or never will
-- be.

CREATE FUNCTION audit_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 7311465203;

-- before the first number of the statement is taken, whatever writes: a trigger, a function, COPY
CREATE FUNCTION enter_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(public.audit_lock());
    RETURN NULL;
END $$;

CREATE TRIGGER enter_audit BEFORE INSERT ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION enter_audit();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER enter_audit;

-- The digest now says which columns it covers, so that a column added later does not make older digests wrong.
CREATE OR REPLACE FUNCTION audit_digest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
BEGIN
    INSERT INTO public.audit_log (action, table_name, row_count, run_id, new_value, context)
    SELECT 'BULK_INSERT', TG_TABLE_NAME, count(*), n.run_id,
        jsonb_build_object(
            'sha256',
            encode(sha256(string_agg(row_digest, ''::bytea ORDER BY row_digest)), 'hex'),
            'columns',
            (
                SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
            )
        ),
        public.audit_context()
    FROM (SELECT r.run_id, sha256(convert_to(to_jsonb(r)::text, 'UTF8')) AS row_digest FROM new_rows AS r) AS n
    GROUP BY n.run_id;
    RETURN NULL;
END $$;
