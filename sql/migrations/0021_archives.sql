-- The evidence of an answer: the hash of its manifest, once, on the run itself, and where its files are. A run stays as
-- it was given; that its evidence was archived is added to it one time, and what is archived is never archived again.
-- The tables are small or new: to build indexes and check references takes no time.
-- squawk-ignore-file constraint-missing-not-valid, prefer-bigint-over-int
SET LOCAL ROLE recon_owner;

ALTER TABLE reconciliation_runs ADD COLUMN manifest_sha256 text CHECK (manifest_sha256 ~ '^[0-9a-f]{64}$');
ALTER TABLE reconciliation_runs ADD CONSTRAINT only_an_answer_is_archived CHECK (
    manifest_sha256 IS NULL OR status IN ('completed', 'incomplete')
);
COMMENT ON COLUMN reconciliation_runs.manifest_sha256 IS
'SHA-256 of the manifest of the archived evidence; null until it is archived, then never another';

-- as before, and: the hash of the manifest is added once, to an answer that has none
CREATE OR REPLACE FUNCTION guard_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    superseding CONSTANT text[] := '{is_current,superseded_by,superseded_at}';
    own CONSTANT text[] := superseding || '{id,version,status,idempotency_key,dagster_run_id,start_time,end_time}'
        || '{same_answer_as,manifest_sha256}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status IN ('running', 'failed') AND NOT NEW.is_current AND NEW.superseded_by IS NULL
            AND NEW.manifest_sha256 IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.status = 'running' AND NEW.status IN ('completed', 'incomplete', 'unchanged', 'failed', 'aborted')
        AND (OLD.id, OLD.processor_name, OLD.run_date) = (NEW.id, NEW.processor_name, NEW.run_date)
        AND OLD.version = NEW.version
        AND (OLD.idempotency_key, OLD.start_time) = (NEW.idempotency_key, NEW.start_time)
        AND OLD.dagster_run_id IS NOT DISTINCT FROM NEW.dagster_run_id
        AND NEW.superseded_by IS NULL AND NEW.is_current = (NEW.status IN ('completed', 'incomplete'))
        AND NEW.manifest_sha256 IS NULL THEN
        IF NEW.status <> 'unchanged' OR EXISTS (
            SELECT 1 FROM public.reconciliation_runs AS r
            WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.same_answer_as AND r.is_current
                AND to_jsonb(r) - own = to_jsonb(NEW) - own
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.is_current AND NOT NEW.is_current AND NEW.superseded_by IS NOT NULL
        AND to_jsonb(OLD) - superseding = to_jsonb(NEW) - superseding THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status IN ('completed', 'incomplete') AND OLD.manifest_sha256 IS NULL
        AND NEW.manifest_sha256 IS NOT NULL AND to_jsonb(OLD) - 'manifest_sha256' = to_jsonb(NEW) - 'manifest_sha256' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal change of run % to %', NEW.id, NEW.status USING ERRCODE = '42501';
END $$;

CREATE TABLE archives (
    tenant_id uuid NOT NULL DEFAULT current_tenant(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    run_id uuid NOT NULL,
    processor_name text NOT NULL,
    business_date date NOT NULL,
    folder text NOT NULL CHECK (folder ~ '^reports/[^/]+/[^/]+/[^/]+$'),
    file_count integer NOT NULL CHECK (file_count >= 0),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL CHECK (state IN ('local', 'shipping', 'waiting', 'shipped')),
    place text CHECK (length(place) BETWEEN 1 AND 500),
    reason text CHECK (length(reason) BETWEEN 1 AND 2000),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    shipped_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT one_archive_of_a_run UNIQUE (tenant_id, run_id),
    CONSTRAINT archives_of_own_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id),
    CONSTRAINT waiting_has_a_reason CHECK (state <> 'waiting' OR reason IS NOT NULL),
    CONSTRAINT shipped_when_and_where CHECK (
        (state = 'shipped') = (shipped_at IS NOT NULL) AND (state <> 'shipped' OR place IS NOT NULL)
    )
);
CREATE INDEX archives_to_ship ON archives (tenant_id, due_at) WHERE state IN ('shipping', 'waiting');
CREATE INDEX archives_of_days ON archives (tenant_id, processor_name, business_date);
COMMENT ON TABLE archives IS 'Where the evidence of an answer is; the hash of its manifest is on the run';
COMMENT ON COLUMN archives.tenant_id IS 'Whose row it is; by default that of the transaction (app.tenant_id)';
COMMENT ON COLUMN archives.folder IS 'Below the folder of the archive, and the prefix of its keys in a bucket';
COMMENT ON COLUMN archives.state IS
'local: no bucket was configured; shipping: an upload is under way until due_at; waiting: it failed; shipped: verified';
COMMENT ON COLUMN archives.place IS 'The bucket, without any login or signature';
COMMENT ON COLUMN archives.reason IS 'Why the last upload failed; no payment values';
COMMENT ON COLUMN archives.due_at IS 'Not to be shipped before; whoever ships moves it to the end of his lease';

-- what is archived stays as it is; only its way to the bucket moves on, and ends once
CREATE FUNCTION guard_archive() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shipping CONSTANT text[] := '{state,place,reason,attempts,due_at,shipped_at}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('local', 'shipping') AND EXISTS (
            SELECT 1 FROM public.reconciliation_runs AS r
            WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.run_id AND r.processor_name = NEW.processor_name
                AND r.run_date = NEW.business_date AND r.manifest_sha256 IS NOT NULL
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.state <> 'shipped' AND NEW.state <> 'local' AND NEW.attempts >= OLD.attempts
        AND to_jsonb(OLD) - shipping = to_jsonb(NEW) - shipping THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal change of the archive of run %', NEW.run_id USING ERRCODE = '42501';
END $$;

CREATE TRIGGER guard_archive BEFORE INSERT OR UPDATE ON archives
FOR EACH ROW EXECUTE FUNCTION guard_archive();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON archives
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_tenant BEFORE UPDATE OF tenant_id ON archives
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_insert AFTER INSERT ON archives REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_update AFTER UPDATE ON archives REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_delete AFTER DELETE ON archives REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT t.tgname FROM pg_trigger AS t
        WHERE NOT t.tgisinternal AND t.tgenabled = 'O' AND t.tgrelid = 'archives'::regclass
    LOOP
        EXECUTE format('ALTER TABLE archives ENABLE ALWAYS TRIGGER %I', found.tgname);
    END LOOP;
END $$;

ALTER TABLE archives ENABLE ROW LEVEL SECURITY;
ALTER TABLE archives FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of_tenant ON archives TO recon_app, recon_reader
USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY all_rows ON archives FOR SELECT TO recon_auditor USING (TRUE);
GRANT SELECT ON archives TO recon_app, recon_reader, recon_auditor;
GRANT INSERT, UPDATE (state, place, reason, attempts, due_at, shipped_at) ON archives TO recon_app;

SET LOCAL ROLE recon_audit_owner;

-- as before, and: archives
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
    FROM
        unnest(
            '{reconciliation_runs,data_quality_checks,system_configuration,outbox,prior_day_matches,archives}'::text[]
        ) AS t (name)
    CROSS JOIN LATERAL verify_audit_rows(t.name) AS v;
END;
RESET ROLE;
