-- The answer of a day in full: how many matched by which pass, what became of each discrepancy since the answer
-- before, what is to be told; and a day that was done again with the same result, which needs no second copy.
-- A few runs a day: to check them all takes no time. Attempts of a delivery stay few.
-- squawk-ignore-file constraint-missing-not-valid, adding-foreign-key-constraint, ban-drop-constraint
-- squawk-ignore-file prefer-bigint-over-int
SET LOCAL ROLE recon_owner;

ALTER TABLE reconciliation_runs ADD COLUMN result_digest text CHECK (result_digest ~ '^[0-9a-f]{64}$');
ALTER TABLE reconciliation_runs ADD COLUMN same_answer_as uuid;
ALTER TABLE reconciliation_runs ADD CONSTRAINT same_answer_of_own_run
FOREIGN KEY (tenant_id, same_answer_as) REFERENCES reconciliation_runs (tenant_id, id);
ALTER TABLE reconciliation_runs DROP CONSTRAINT reconciliation_runs_status_check;
ALTER TABLE reconciliation_runs ADD CONSTRAINT reconciliation_runs_status_check
CHECK (status IN ('running', 'completed', 'incomplete', 'unchanged', 'failed', 'aborted'));
ALTER TABLE reconciliation_runs ADD CONSTRAINT unchanged_has_its_answer_elsewhere
CHECK ((status = 'unchanged') = (same_answer_as IS NOT NULL));
-- it carries the figures that it found again, so that whoever reads the latest attempt reads the day's answer
ALTER TABLE reconciliation_runs DROP CONSTRAINT ended_well_has_everything;
ALTER TABLE reconciliation_runs ADD CONSTRAINT ended_well_has_everything CHECK (
    (status IN ('completed', 'incomplete', 'unchanged')) = (
        num_nonnulls(
            verdict, processor_transactions, internal_transactions, matched_count, discrepancy_count,
            missing_transaction_count, risk_level, compliance_status
        ) = 8
    )
);
ALTER TABLE reconciliation_runs DROP CONSTRAINT without_an_answer_there_are_no_figures;
ALTER TABLE reconciliation_runs ADD CONSTRAINT without_an_answer_there_are_no_figures CHECK (
    status IN ('completed', 'incomplete', 'unchanged')
    OR num_nonnulls(
        verdict, processor_transactions, internal_transactions, matched_count, discrepancy_count,
        missing_transaction_count, currency, total_volume_processed, total_discrepancy_amount,
        discrepancy_rate, value_at_risk_rate, risk_level, compliance_status
    ) = 0
);
ALTER TABLE reconciliation_runs DROP CONSTRAINT status_says_incomplete;
ALTER TABLE reconciliation_runs ADD CONSTRAINT status_says_incomplete
CHECK (status = 'unchanged' OR (status = 'incomplete') = (coalesce(verdict, '') = 'incomplete'));
DROP INDEX one_live_key;
CREATE UNIQUE INDEX one_live_key ON reconciliation_runs (tenant_id, idempotency_key)
WHERE status IN ('running', 'completed', 'incomplete', 'unchanged');
CREATE INDEX confirmations ON reconciliation_runs (tenant_id, same_answer_as, end_time)
WHERE same_answer_as IS NOT NULL;
CREATE INDEX days_newest_first ON reconciliation_runs (tenant_id, run_date DESC, start_time DESC, processor_name)
WHERE status <> 'unchanged';
CREATE INDEX history_of_a_check ON data_quality_checks (tenant_id, check_name, checked_at DESC);
CREATE INDEX checks_that_failed ON data_quality_checks (tenant_id, checked_at DESC) WHERE NOT passed;
COMMENT ON COLUMN reconciliation_runs.status IS
'running; completed or incomplete: has an answer; unchanged: found the current answer again; failed; aborted';
COMMENT ON COLUMN reconciliation_runs.result_digest IS
'SHA-256 of the whole result, so that the same result is recognised';
COMMENT ON COLUMN reconciliation_runs.same_answer_as IS 'The run whose answer an unchanged run found again';

CREATE TABLE matches (
    tenant_id uuid NOT NULL DEFAULT current_tenant(),
    run_id uuid NOT NULL,
    pass text NOT NULL CHECK (pass ~ '^[a-z0-9_]{1,50}$'),
    match_count bigint NOT NULL CHECK (match_count >= 0),
    PRIMARY KEY (tenant_id, run_id, pass),
    CONSTRAINT matches_of_own_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id)
);
COMMENT ON TABLE matches IS
'How many pairs each pass of the matching found in a run; the pairs themselves are in files';

CREATE TABLE discrepancy_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL DEFAULT current_tenant(),
    run_id uuid NOT NULL,
    discrepancy_id uuid NOT NULL,
    processor_name text NOT NULL,
    business_date date NOT NULL,
    event text NOT NULL CHECK (event IN ('resolved', 'reopened', 'changed')),
    old_value jsonb CHECK (jsonb_typeof(old_value) = 'object'),
    new_value jsonb CHECK (jsonb_typeof(new_value) = 'object'),
    event_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT events_of_own_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id),
    CONSTRAINT one_event_of_a_run UNIQUE (tenant_id, run_id, discrepancy_id),
    CONSTRAINT says_what_was_and_is CHECK (
        (event <> 'reopened') = (old_value IS NOT NULL) AND (event <> 'resolved') = (new_value IS NOT NULL)
    )
);
CREATE INDEX events_of_a_discrepancy ON discrepancy_events (tenant_id, discrepancy_id, event_time);
COMMENT ON TABLE discrepancy_events IS
'What a new answer of a day did to a discrepancy that an older answer had; its first row in discrepancies opened it';
COMMENT ON COLUMN discrepancy_events.run_id IS 'The run whose answer resolved, reopened or changed it';
COMMENT ON COLUMN discrepancy_events.old_value IS
'Class, outcome, currency and amount (minor units, signed) in the answer before; null when it was not there';
COMMENT ON COLUMN discrepancy_events.new_value IS 'The same in the new answer; null when it is not there any more';

CREATE TABLE outbox (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL DEFAULT current_tenant(),
    kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,50}$'),
    dedupe_key text NOT NULL CHECK (length(dedupe_key) BETWEEN 1 AND 500),
    run_id uuid,
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error text CHECK (length(last_error) <= 2000),
    delivered_at timestamptz,
    abandoned_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT told_once UNIQUE (tenant_id, kind, dedupe_key),
    CONSTRAINT messages_of_own_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, id),
    CONSTRAINT delivered_or_abandoned CHECK (num_nonnulls(delivered_at, abandoned_at) <= 1),
    CONSTRAINT delivery_was_tried CHECK (delivered_at IS NULL OR attempts > 0),
    CONSTRAINT giving_up_has_a_reason CHECK (abandoned_at IS NULL OR last_error IS NOT NULL)
);
CREATE INDEX messages_to_deliver ON outbox (tenant_id, due_at) WHERE delivered_at IS NULL AND abandoned_at IS NULL;
COMMENT ON TABLE outbox IS
'What is to be told, written in the transaction that it is about and delivered at least once afterwards';
COMMENT ON COLUMN outbox.due_at IS 'Not to be tried before; whoever takes a message moves it to the end of his lease';
COMMENT ON COLUMN outbox.dedupe_key IS 'The receiver''s key: a message that arrives twice carries the same one';

-- a message stays as it was written; only its delivery moves on, and ends once
CREATE FUNCTION guard_message() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    delivery CONSTANT text[] := '{due_at,attempts,last_error,delivered_at,abandoned_at}';
BEGIN
    IF OLD.delivered_at IS NULL AND OLD.abandoned_at IS NULL AND NEW.attempts >= OLD.attempts
        AND to_jsonb(OLD) - delivery = to_jsonb(NEW) - delivery THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal change of message %', NEW.id USING ERRCODE = '42501';
END $$;

-- an answer is given only with all that belongs to it: its counts and its money are those of its rows
CREATE FUNCTION guard_answer() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    problem text;
BEGIN
    SELECT CASE
        WHEN count(*) <> NEW.discrepancy_count THEN 'discrepancies'
        WHEN count(*) FILTER (WHERE d.class = 'missing_in_ledger') <> NEW.missing_transaction_count THEN
            'missing transactions'
        WHEN count(*) FILTER (
            WHERE d.processor_name <> NEW.processor_name OR d.business_date <> NEW.run_date
        ) > 0 THEN 'discrepancies'
        WHEN NEW.matched_count <> coalesce(
            (
                SELECT sum(m.match_count) FROM public.matches AS m
                WHERE m.tenant_id = NEW.tenant_id AND m.run_id = NEW.id
            ), 0
        ) THEN 'matches'
    END INTO problem
    FROM public.discrepancies AS d
    WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id;
    IF problem IS NULL AND EXISTS (
        SELECT 1
        FROM (
            SELECT p.currency, p.discrepancy_count, p.signed_discrepancies_minor, p.discrepancy_amount_minor
            FROM public.reconciliation_proofs AS p
            WHERE p.tenant_id = NEW.tenant_id AND p.run_id = NEW.id
        ) AS said
        FULL JOIN (
            SELECT legs.currency, sum(legs.counted) AS discrepancy_count, sum(legs.minor) AS signed_discrepancies_minor,
                sum(abs(legs.minor)) AS discrepancy_amount_minor
            FROM (
                SELECT d.currency, 1 AS counted, d.amount_minor::numeric AS minor FROM public.discrepancies AS d
                WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id AND d.business_date = NEW.run_date
                UNION ALL
                -- the other leg of a mismatch of currencies lies in the ledger's
                SELECT d.ledger_currency, 0, -d.ledger_amount_minor::numeric FROM public.discrepancies AS d
                WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id AND d.business_date = NEW.run_date
                    AND d.class = 'currency_mismatch'
            ) AS legs
            GROUP BY legs.currency
        ) AS found ON found.currency = said.currency
        WHERE (said.discrepancy_count, said.signed_discrepancies_minor, said.discrepancy_amount_minor)
            IS DISTINCT FROM (
                coalesce(found.discrepancy_count, 0), coalesce(found.signed_discrepancies_minor, 0),
                coalesce(found.discrepancy_amount_minor, 0)
            )
    ) THEN
        problem := 'proofs';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the % of run % are not those that its answer counts', problem, NEW.id USING
            ERRCODE = '23514', CONSTRAINT = 'answer_is_that_of_its_rows';
    END IF;
    RETURN NULL;
END $$;

-- as before, and: an attempt may end as unchanged, with the figures of the current answer of its day
CREATE OR REPLACE FUNCTION guard_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    superseding CONSTANT text[] := '{is_current,superseded_by,superseded_at}';
    own CONSTANT text[] := superseding || '{id,version,status,idempotency_key,dagster_run_id,start_time,end_time,same_answer_as}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status IN ('running', 'failed') AND NOT NEW.is_current AND NEW.superseded_by IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.status = 'running' AND NEW.status IN ('completed', 'incomplete', 'unchanged', 'failed', 'aborted')
        AND (OLD.id, OLD.processor_name, OLD.run_date, OLD.version) = (NEW.id, NEW.processor_name, NEW.run_date, NEW.version)
        AND (OLD.idempotency_key, OLD.start_time) = (NEW.idempotency_key, NEW.start_time)
        AND OLD.dagster_run_id IS NOT DISTINCT FROM NEW.dagster_run_id
        AND NEW.superseded_by IS NULL AND NEW.is_current = (NEW.status IN ('completed', 'incomplete')) THEN
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
    RAISE EXCEPTION 'illegal change of run % to %', NEW.id, NEW.status USING ERRCODE = '42501';
END $$;

CREATE TRIGGER guard_answer AFTER UPDATE ON reconciliation_runs
FOR EACH ROW WHEN (old.status = 'running' AND new.status IN ('completed', 'incomplete'))
EXECUTE FUNCTION guard_answer();
CREATE TRIGGER guard_message BEFORE UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION guard_message();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON outbox
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_insert AFTER INSERT ON outbox REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_update AFTER UPDATE ON outbox REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_delete AFTER DELETE ON outbox REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();

DO $$
DECLARE
    name text;
    found record;
BEGIN
    FOREACH name IN ARRAY ARRAY['matches', 'discrepancy_events'] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name
        );
        EXECUTE format(
            'CREATE TRIGGER guard_rows AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION guard_rows_of_run()', name
        );
        EXECUTE format(
            'CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_digest()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY['matches', 'discrepancy_events', 'outbox'] LOOP
        EXECUTE format(
            'CREATE TRIGGER keep_tenant BEFORE UPDATE OF tenant_id ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name
        );
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY rows_of_tenant ON %I TO recon_app, recon_reader '
            'USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name
        );
        EXECUTE format('CREATE POLICY all_rows ON %I FOR SELECT TO recon_auditor USING (TRUE)', name);
        EXECUTE format('GRANT SELECT ON %I TO recon_app, recon_reader, recon_auditor', name);
        EXECUTE format('GRANT INSERT ON %I TO recon_app', name);
        EXECUTE format(
            'COMMENT ON COLUMN %I.tenant_id IS ''Whose row it is; by default that of the transaction (app.tenant_id)''',
            name
        );
    END LOOP;
    FOR found IN
        SELECT t.tgrelid::regclass AS table_name, t.tgname FROM pg_trigger AS t
        WHERE NOT t.tgisinternal AND t.tgenabled = 'O' AND t.tgrelid::regclass::text IN (
            'matches', 'discrepancy_events', 'outbox', 'reconciliation_runs'
        )
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.table_name, found.tgname);
    END LOOP;
END $$;
GRANT UPDATE (due_at, attempts, last_error, delivered_at, abandoned_at) ON outbox TO recon_app;
