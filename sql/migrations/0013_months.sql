-- `discrepancies` in partitions by month of business date: old months can be detached, a query of a day reads one.
-- The table is made anew and takes the place of the old one in this transaction: nobody sees it without.
-- squawk-ignore-file ban-drop-view, renaming-table, ban-drop-constraint, ban-drop-table
SET LOCAL ROLE recon_owner;

-- Forced row-level security hides the rows from the owner too: it is lifted from the old table, which ends here.
ALTER TABLE discrepancies NO FORCE ROW LEVEL SECURITY;
DROP VIEW IF EXISTS v_high_value_missing_transactions, missing_transactions, v_open_discrepancies;
DELETE FROM schema_migrations WHERE version = 0;  -- so that the views are made again
ALTER TABLE discrepancies RENAME TO discrepancies_of_before;
CREATE TABLE discrepancies (LIKE discrepancies_of_before INCLUDING ALL EXCLUDING INDEXES)
PARTITION BY RANGE (business_date);
ALTER TABLE discrepancies_of_before DROP CONSTRAINT discrepancies_pkey;
ALTER TABLE discrepancies_of_before DROP CONSTRAINT discrepancies_of_own_run;
DROP INDEX discrepancies_of_run, life_of_a_discrepancy;

COMMENT ON TABLE discrepancies IS
'One row per discrepancy of a run, in partitions by month of business date; rows are never changed';
ALTER TABLE discrepancies ADD PRIMARY KEY (tenant_id, id, business_date);
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_of_own_run
FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id);
CREATE INDEX discrepancies_of_run ON discrepancies (tenant_id, run_id, priority, abs(amount_minor::numeric) DESC);
CREATE INDEX discrepancies_of_transaction ON discrepancies (tenant_id, transaction_id);
CREATE INDEX open_by_priority ON discrepancies (tenant_id, processor_name, priority, business_date);
CREATE INDEX missing_by_amount ON discrepancies (tenant_id, currency, abs(amount) DESC, transaction_id)
WHERE class = 'missing_in_ledger';
CREATE INDEX missing_of_high_value ON discrepancies (tenant_id, business_date)
WHERE class = 'missing_in_ledger' AND abs(amount) >= 1000;

-- What holds for the table holds for each of its partitions: whoever reaches for one directly finds the same guards.
CREATE FUNCTION guard_discrepancies(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    name text;
BEGIN
    EXECUTE format(
        'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', target
    );
    EXECUTE format(
        'CREATE TRIGGER keep_tenant BEFORE UPDATE OF tenant_id ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', target
    );
    EXECUTE format(
        'CREATE TRIGGER guard_rows AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.guard_rows_of_run()', target
    );
    EXECUTE format(
        'CREATE TRIGGER audit_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.audit_digest()', target
    );
    FOREACH name IN ARRAY ARRAY['refuse_change', 'keep_tenant', 'guard_rows', 'audit_insert'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', target, name);
    END LOOP;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY rows_of_tenant ON %s TO recon_app, recon_reader '
        'USING (tenant_id = (SELECT public.current_tenant())) '
        'WITH CHECK (tenant_id = (SELECT public.current_tenant()))', target
    );
    EXECUTE format('CREATE POLICY all_rows ON %s FOR SELECT TO recon_auditor USING (TRUE)', target);
END $$;

-- The partition of a business date, made if it is missing. As the owner, since the application may not create tables;
-- built apart and attached, which does not block readers. It waits for a month that is being detached, and holds back
-- the next until the caller has committed his run, which that one then sees.
CREATE FUNCTION ensure_month(day date) RETURNS regclass
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month CONSTANT date := date_trunc('month', day::timestamp)::date;
    name CONSTANT text := 'discrepancies_' || to_char(month, 'YYYY_MM');
    found regclass;
BEGIN
    LOCK TABLE ONLY public.discrepancies IN ACCESS SHARE MODE;
    found := to_regclass('public.' || name);
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;
    IF (day BETWEEN '1990-01-01' AND '2099-12-31') IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a business date from 1990 to 2099', day USING ERRCODE = '22008';
    END IF;
    PERFORM pg_advisory_xact_lock(7311465204);
    found := to_regclass('public.' || name);
    IF found IS NOT NULL THEN
        RETURN found;  -- another session was faster
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.discrepancies INCLUDING ALL)', name);
    found := to_regclass('public.' || name);
    PERFORM public.guard_discrepancies(found);
    EXECUTE format(
        'ALTER TABLE public.discrepancies ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
        found, month, (month + interval '1 month')::date
    );
    EXECUTE format(
        'COMMENT ON TABLE %s IS %L', found, 'Discrepancies of the business dates of ' || to_char(month, 'YYYY-MM')
    );
    RETURN found;
END $$;

REVOKE EXECUTE ON FUNCTION guard_discrepancies(regclass), ensure_month(date) FROM public;
GRANT EXECUTE ON FUNCTION ensure_month(date) TO recon_app;

DO $$
DECLARE
    columns CONSTANT text := (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute AS a
        WHERE a.attrelid = 'discrepancies'::regclass AND a.attnum > 0 AND a.attgenerated = ''
    );
BEGIN
    PERFORM ensure_month(m.month)
    FROM (
        SELECT date_trunc('month', d.business_date::timestamp)::date AS month FROM discrepancies_of_before AS d
        UNION
        SELECT current_date
    ) AS m;
    -- the rows have their event of the audit log already: the triggers of the table itself come after them
    EXECUTE format('INSERT INTO discrepancies (%1$s) SELECT %1$s FROM discrepancies_of_before', columns);
    PERFORM guard_discrepancies('discrepancies');
END $$;
DROP TABLE discrepancies_of_before;

GRANT SELECT ON discrepancies TO recon_app, recon_reader, recon_auditor;
GRANT INSERT ON discrepancies TO recon_app;
