-- Every row belongs to a tenant, and a transaction sees the rows of the tenant that it names, else none.
-- Ids of runs, outcomes, settings and health stay unique over all tenants: the audit log names runs by them alone.

CREATE FUNCTION current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.tenant_id', TRUE), '')::uuid;  -- after RESET it is '', not null

ALTER FUNCTION current_tenant() OWNER TO recon_owner;

-- a constant default fills existing rows without touching them: their triggers would refuse an UPDATE
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'reconciliation_runs', 'reconciliation_proofs', 'discrepancies', 'data_quality_checks', 'system_health',
        'system_configuration'
    ] LOOP
        EXECUTE format(
            'ALTER TABLE %I ADD COLUMN tenant_id uuid NOT NULL DEFAULT ''00000000-0000-4000-8000-000000000001''', name
        );
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET DEFAULT current_tenant()', name);
        EXECUTE format(
            'COMMENT ON COLUMN %I.tenant_id IS ''Whose row it is; by default that of the transaction (app.tenant_id)''',
            name
        );
        EXECUTE format(
            'CREATE TRIGGER keep_tenant BEFORE UPDATE OF tenant_id ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name
        );
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER keep_tenant', name);
    END LOOP;
END $$;

-- keys and references carry the tenant: PostgreSQL checks both without regard to row-level security
ALTER TABLE reconciliation_proofs DROP CONSTRAINT reconciliation_proofs_run_id_fkey;
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_run_id_fkey;
ALTER TABLE data_quality_checks DROP CONSTRAINT data_quality_checks_run_id_fkey;
ALTER TABLE reconciliation_runs DROP CONSTRAINT reconciliation_runs_superseded_by_fkey;

ALTER TABLE reconciliation_runs ADD CONSTRAINT runs_of_tenant UNIQUE (tenant_id, id);
ALTER TABLE reconciliation_runs DROP CONSTRAINT versions_are_unique;
ALTER TABLE reconciliation_runs
ADD CONSTRAINT versions_are_unique UNIQUE (tenant_id, processor_name, run_date, version);
ALTER TABLE reconciliation_runs ADD CONSTRAINT superseded_by_own_run
FOREIGN KEY (tenant_id, superseded_by) REFERENCES reconciliation_runs (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;
DROP INDEX one_current_run, one_live_key, runs_by_start, runs_by_key;
CREATE UNIQUE INDEX one_current_run ON reconciliation_runs (tenant_id, processor_name, run_date) WHERE is_current;
CREATE UNIQUE INDEX one_live_key ON reconciliation_runs (tenant_id, idempotency_key)
WHERE status IN ('running', 'completed', 'incomplete');
CREATE INDEX runs_by_start ON reconciliation_runs (tenant_id, start_time DESC)
INCLUDE (run_date, processor_name, missing_transaction_count, total_discrepancy_amount, status);
CREATE INDEX runs_by_key ON reconciliation_runs (tenant_id, idempotency_key);

ALTER TABLE reconciliation_proofs DROP CONSTRAINT reconciliation_proofs_pkey;
ALTER TABLE reconciliation_proofs ADD PRIMARY KEY (tenant_id, run_id, currency);
ALTER TABLE reconciliation_proofs ADD CONSTRAINT proofs_of_own_run
FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id);

ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_pkey;
ALTER TABLE discrepancies ADD PRIMARY KEY (tenant_id, id);
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_of_own_run
FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id);
DROP INDEX discrepancies_of_run, life_of_a_discrepancy;
CREATE INDEX discrepancies_of_run ON discrepancies (tenant_id, run_id, class, transaction_id);
CREATE INDEX life_of_a_discrepancy ON discrepancies (tenant_id, discrepancy_id);

ALTER TABLE data_quality_checks DROP CONSTRAINT one_outcome_per_check;
ALTER TABLE data_quality_checks
ADD CONSTRAINT one_outcome_per_check UNIQUE (tenant_id, dagster_run_id, asset_key, business_date, check_name);
ALTER TABLE data_quality_checks ADD CONSTRAINT checks_of_own_run
FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id);
DROP INDEX checks_of_day, checks_of_run;
CREATE INDEX checks_of_day ON data_quality_checks (tenant_id, processor_name, business_date);
CREATE INDEX checks_of_run ON data_quality_checks (tenant_id, run_id);

DROP INDEX health_of_component;
CREATE INDEX health_of_component ON system_health (tenant_id, component, check_time DESC);
ALTER TABLE system_configuration DROP CONSTRAINT system_configuration_key_key;
ALTER TABLE system_configuration ADD CONSTRAINT keys_are_unique UNIQUE (tenant_id, key);

-- FORCE: not even the owner is exempt, and no policy is for the owner. The SELECT makes it one call per statement.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'reconciliation_runs', 'reconciliation_proofs', 'discrepancies', 'data_quality_checks', 'system_health',
        'system_configuration'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY rows_of_tenant ON %I TO recon_app, recon_reader '
            'USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name
        );
        EXECUTE format('CREATE POLICY all_rows ON %I FOR SELECT TO recon_auditor USING (TRUE)', name);
        EXECUTE format('GRANT SELECT ON %I TO recon_app, recon_reader, recon_auditor', name);
        EXECUTE format('GRANT INSERT ON %I TO recon_app', name);
    END LOOP;
END $$;

GRANT UPDATE ON reconciliation_runs, system_configuration TO recon_app;
GRANT UPDATE (run_id) ON data_quality_checks TO recon_app;
