-- Who may do what. Groups without a login; logins are made by an administrator (the embedded server: by the program)
-- and are members of a group. The application owns nothing that it writes. docs/security.md says why.
-- Later migrations begin with SET LOCAL ROLE recon_owner, or recon_audit_owner: a login must never own the record.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'recon_owner', 'recon_audit_owner', 'recon_app', 'recon_reader', 'recon_auditor', 'recon_sealer'
    ] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the server: the migration of another database was faster
        END;
    END LOOP;
    -- who migrates hands the tables over, and must be able to change them later
    FOREACH name IN ARRAY ARRAY['recon_owner', 'recon_audit_owner'] LOOP
        IF NOT pg_has_role(current_user, name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the login % may not create or take the roles of the record', current_user USING
        ERRCODE = '42501',
        HINT = format(
            'As an administrator run: CREATE ROLE recon_owner; CREATE ROLE recon_audit_owner; CREATE ROLE recon_app; '
            'CREATE ROLE recon_reader; CREATE ROLE recon_auditor; CREATE ROLE recon_sealer (those that are missing); '
            'GRANT recon_owner, recon_audit_owner TO %1$I; GRANT recon_app, recon_reader TO %1$I WITH ADMIN OPTION. '
            'Or set DB_MIGRATION_USER to a login with CREATEROLE.',
            current_user
        );
END $$;

DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO recon_app', current_database());  -- where a day is staged
END $$;

REVOKE CREATE ON SCHEMA public FROM public;
GRANT USAGE, CREATE ON SCHEMA public TO recon_owner, recon_audit_owner;
GRANT USAGE ON SCHEMA public TO recon_app, recon_reader, recon_auditor, recon_sealer;

-- the functions that write or guard the audit log belong to its owner, who owns nothing else
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'reconciliation_runs', 'reconciliation_proofs', 'discrepancies', 'data_quality_checks', 'system_health',
        'system_configuration', 'schema_migrations', 'missing_transactions', 'v_recent_reconciliations'
    ] LOOP
        EXECUTE format('ALTER TABLE IF EXISTS %I OWNER TO recon_owner', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'amount_from_minor(numeric, smallint)', 'guard_run()', 'guard_rows_of_run()', 'guard_check()'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO recon_owner', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit_context()', 'audit_rows()', 'audit_digest()', 'refuse_change()'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO recon_audit_owner', name);
        -- else whoever may create a temporary table could hang such a trigger on it and invent events
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO recon_owner, recon_audit_owner', name);
    END LOOP;
END $$;

ALTER TABLE audit_log OWNER TO recon_audit_owner;
GRANT SELECT ON audit_log TO recon_auditor, recon_sealer;
GRANT SELECT ON schema_migrations TO recon_app, recon_reader, recon_auditor;
