-- Days that chain: matches between records that their own days left alone. A match is ended, never edited or deleted:
-- which record was matched with which at any time stays known. Whether a discrepancy of another day is resolved by one
-- follows from the live matches: the answer of that day is not touched.
-- The tables are small or new: to build indexes and check references takes no time.
-- squawk-ignore-file ban-drop-constraint, disallowed-unique-constraint, require-concurrent-index-creation
-- squawk-ignore-file constraint-missing-not-valid
SET LOCAL ROLE recon_owner;

CREATE TABLE prior_day_matches (
    tenant_id uuid NOT NULL DEFAULT current_tenant(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    processor_name text NOT NULL,
    processor_date date NOT NULL,
    processor_discrepancy_id uuid NOT NULL,
    ledger_date date NOT NULL,
    ledger_discrepancy_id uuid NOT NULL,
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint NOT NULL,
    pass text NOT NULL CHECK (pass ~ '^[a-z0-9_]{1,50}$'),
    rule_version text NOT NULL CHECK (rule_version ~ '^[0-9a-f]{64}$'),
    found_by uuid NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by uuid,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT found_by_own_run
    FOREIGN KEY (tenant_id, found_by) REFERENCES reconciliation_runs (tenant_id, id),
    CONSTRAINT ended_by_own_run
    FOREIGN KEY (tenant_id, ended_by) REFERENCES reconciliation_runs (tenant_id, id),
    CONSTRAINT days_differ CHECK (processor_date <> ledger_date),
    CONSTRAINT ended_by_and_when CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
-- one record, one match
CREATE UNIQUE INDEX one_match_of_a_transaction
ON prior_day_matches (tenant_id, processor_name, processor_date, processor_discrepancy_id) WHERE ended_by IS NULL;
CREATE UNIQUE INDEX one_match_of_a_ledger_entry
ON prior_day_matches (tenant_id, processor_name, ledger_date, ledger_discrepancy_id) WHERE ended_by IS NULL;
CREATE INDEX matches_that_a_run_found ON prior_day_matches (tenant_id, found_by);
CREATE INDEX matches_that_a_run_ended ON prior_day_matches (tenant_id, ended_by) WHERE ended_by IS NOT NULL;
COMMENT ON TABLE prior_day_matches IS
'Matches of a transaction of one day with a ledger entry of another; one without ended_by is live';
COMMENT ON COLUMN prior_day_matches.tenant_id IS
'Whose row it is; by default that of the transaction (app.tenant_id)';
COMMENT ON COLUMN prior_day_matches.processor_discrepancy_id IS 'The transaction, by the id of its discrepancy';
COMMENT ON COLUMN prior_day_matches.ledger_discrepancy_id IS 'The ledger entry, by the id of its discrepancy';
COMMENT ON COLUMN prior_day_matches.amount_minor IS 'Of both records, in minor units of currency';
COMMENT ON COLUMN prior_day_matches.rule_version IS 'SHA-256 of the rules that found it';
COMMENT ON COLUMN prior_day_matches.found_by IS 'The run whose answer brought it';
COMMENT ON COLUMN prior_day_matches.ended_by IS 'The run whose answer ended it; null while it is live';

-- ids of records say nothing about the day: a run may resolve, on another day, the id that its own day has too
ALTER TABLE discrepancy_events DROP CONSTRAINT one_event_of_a_run;
ALTER TABLE discrepancy_events
ADD CONSTRAINT one_event_of_a_run UNIQUE (tenant_id, run_id, business_date, discrepancy_id);
CREATE INDEX events_of_a_day ON discrepancy_events (tenant_id, processor_name, business_date);
COMMENT ON TABLE discrepancy_events IS
'What a new answer did to a discrepancy that an answer had, of its own day or, by a match across days, of another';
COMMENT ON COLUMN discrepancy_events.business_date IS 'The day of the discrepancy; the run may be of another day';

-- a match is as it was found; it ends once, by a run that is about to give its answer
CREATE FUNCTION guard_prior_day_match() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ending CONSTANT text[] := '{ended_by,ended_at}';
BEGIN
    IF OLD.ended_by IS NULL AND to_jsonb(OLD) - ending = to_jsonb(NEW) - ending AND EXISTS (
        SELECT 1 FROM public.reconciliation_runs AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.ended_by AND r.processor_name = NEW.processor_name
            AND r.status = 'running'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal change of the match %', NEW.id USING ERRCODE = '42501';
END $$;

-- Both records of a new match are in the answers of their days, alone there, with its money. The answer is the current
-- one if it has a conclusion, and for the day of the run that finds the match, that run's own. Rows of a retired month
-- can't be looked at: there the conclusion is enough.
CREATE FUNCTION guard_new_prior_day_matches() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        WITH records AS (
            SELECT n.*, e.side, e.day, e.discrepancy_id
            FROM new_rows AS n
            CROSS JOIN LATERAL (
                VALUES ('processor', n.processor_date, n.processor_discrepancy_id),
                ('ledger', n.ledger_date, n.ledger_discrepancy_id)
            ) AS e (side, day, discrepancy_id)
        ), days AS MATERIALIZED (
            SELECT w.tenant_id, w.found_by, w.day, r.id AS run_id,
                to_regclass('public.discrepancies_' || to_char(w.day, 'YYYY_MM')) IS NULL AS is_retired
            FROM (SELECT DISTINCT tenant_id, found_by, processor_name, day FROM records) AS w
            INNER JOIN public.reconciliation_runs AS f
                ON f.tenant_id = w.tenant_id AND f.id = w.found_by AND f.status = 'running'
                AND f.processor_name = w.processor_name
            INNER JOIN public.reconciliation_runs AS r
                ON r.tenant_id = w.tenant_id AND r.processor_name = w.processor_name AND r.run_date = w.day
                AND (
                    (r.id = f.id AND w.day = f.run_date)
                    OR (r.is_current AND r.status = 'completed' AND w.day <> f.run_date)
                )
        ), alone AS (
            SELECT y.tenant_id, y.found_by, y.day, d.*
            FROM days AS y
            CROSS JOIN LATERAL (
                SELECT x.discrepancy_id, x.side, x.currency,
                    CASE x.side WHEN 'processor' THEN x.processor_amount_minor ELSE x.ledger_amount_minor END AS minor
                FROM public.discrepancies AS x
                WHERE x.tenant_id = y.tenant_id AND x.run_id = y.run_id AND x.business_date = y.day
                    AND x.class IN (
                        'missing_in_ledger', 'missing_at_processor', 'pending_in_ledger', 'pending_at_processor',
                        'matched_prior_day'
                    )
                OFFSET 0  -- day by day from the index of its run: there is none of the ids
            ) AS d
        )
        SELECT 1
        FROM (
            SELECT e.tenant_id, e.found_by, e.day, e.discrepancy_id, e.side, e.currency, e.amount_minor AS minor,
                e.ended_by IS NOT NULL OR y.run_id IS NULL AS is_wrong, y.is_retired
            FROM records AS e
            LEFT JOIN days AS y ON y.tenant_id = e.tenant_id AND y.found_by = e.found_by AND y.day = e.day
        ) AS e
        -- FULL, since that is hashed whatever the planner believes of tables that have just grown
        FULL JOIN (SELECT TRUE AS is_there, * FROM alone) AS a
            USING (tenant_id, found_by, day, discrepancy_id, side, currency, minor)
        WHERE coalesce(e.is_wrong OR NOT (e.is_retired OR coalesce(a.is_there, FALSE)), FALSE)
    ) THEN
        RAISE EXCEPTION 'a match across days is of records that the answers of their days do not leave alone' USING
            ERRCODE = '23514', CONSTRAINT = 'matches_what_is_alone';
    END IF;
    RETURN NULL;
END $$;

-- matches come and end with an answer, in its transaction: the run was still running when they did
CREATE FUNCTION guard_run_of_match() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.reconciliation_runs AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = coalesce(NEW.ended_by, NEW.found_by)
            AND r.status IN ('completed', 'incomplete')
    ) THEN
        RAISE EXCEPTION 'the match % comes or ends without an answer', NEW.id USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;

-- what an answer says of other days is what is matched with them; a day without a conclusion has nothing for others
CREATE FUNCTION guard_days_that_chain() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.reconciliation_runs AS r WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.id
    ) OR EXISTS (
        SELECT 1
        FROM (
            SELECT d.side, d.discrepancy_id, d.counterpart_date FROM public.discrepancies AS d
            WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id AND d.business_date = NEW.run_date
                AND d.class = 'matched_prior_day'
        ) AS said
        FULL JOIN (
            SELECT 'processor' AS side, m.processor_discrepancy_id AS discrepancy_id, m.ledger_date AS counterpart_date
            FROM public.prior_day_matches AS m
            WHERE m.tenant_id = NEW.tenant_id AND m.processor_name = NEW.processor_name
                AND m.processor_date = NEW.run_date AND m.ended_by IS NULL
            UNION ALL
            SELECT 'ledger', m.ledger_discrepancy_id, m.processor_date FROM public.prior_day_matches AS m
            WHERE m.tenant_id = NEW.tenant_id AND m.processor_name = NEW.processor_name
                AND m.ledger_date = NEW.run_date AND m.ended_by IS NULL
        ) AS live USING (side, discrepancy_id, counterpart_date)
        WHERE NEW.verdict = 'incomplete' OR said.discrepancy_id IS NULL OR live.discrepancy_id IS NULL
    ) THEN
        RAISE EXCEPTION 'the answer of run % does not say what is matched with other days', NEW.id USING
            ERRCODE = '23514', CONSTRAINT = 'answer_says_what_other_days_matched';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER guard_match BEFORE UPDATE ON prior_day_matches
FOR EACH ROW EXECUTE FUNCTION guard_prior_day_match();
CREATE TRIGGER guard_rows AFTER INSERT ON prior_day_matches REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION guard_new_prior_day_matches();
CREATE CONSTRAINT TRIGGER guard_run_of_match AFTER INSERT OR UPDATE ON prior_day_matches DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION guard_run_of_match();
CREATE CONSTRAINT TRIGGER guard_days_that_chain AFTER UPDATE ON reconciliation_runs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (old.status = 'running' AND new.status IN ('completed', 'incomplete'))
EXECUTE FUNCTION guard_days_that_chain();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON prior_day_matches
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_tenant BEFORE UPDATE OF tenant_id ON prior_day_matches
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_insert AFTER INSERT ON prior_day_matches REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_update AFTER UPDATE ON prior_day_matches REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();
CREATE TRIGGER audit_delete AFTER DELETE ON prior_day_matches REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit_rows();

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT t.tgrelid::regclass AS table_name, t.tgname FROM pg_trigger AS t
        WHERE NOT t.tgisinternal AND t.tgenabled = 'O'
            AND t.tgrelid::regclass::text IN ('prior_day_matches', 'reconciliation_runs')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.table_name, found.tgname);
    END LOOP;
END $$;

ALTER TABLE prior_day_matches ENABLE ROW LEVEL SECURITY;
ALTER TABLE prior_day_matches FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of_tenant ON prior_day_matches TO recon_app, recon_reader
USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY all_rows ON prior_day_matches FOR SELECT TO recon_auditor USING (TRUE);
GRANT SELECT ON prior_day_matches TO recon_app, recon_reader, recon_auditor;
GRANT INSERT, UPDATE (ended_by, ended_at) ON prior_day_matches TO recon_app;

SET LOCAL ROLE recon_audit_owner;

-- as before, and: the event of a match across days names the run that found or ended it; many rows change at once
CREATE OR REPLACE FUNCTION audit_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    run_id_fields CONSTANT text[] := CASE TG_TABLE_NAME
        WHEN 'reconciliation_runs' THEN '{id,id}'
        WHEN 'prior_day_matches' THEN '{ended_by,found_by}'
        ELSE '{run_id,run_id}'
    END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.audit_log (action, table_name, run_id, new_value, context)
        SELECT TG_OP, TG_TABLE_NAME, coalesce(j ->> run_id_fields[1], j ->> run_id_fields[2])::uuid, j,
            public.audit_context()
        FROM (SELECT to_jsonb(n) AS j FROM new_rows AS n) AS changed;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO public.audit_log (action, table_name, run_id, old_value, new_value, context)
        SELECT TG_OP, TG_TABLE_NAME, coalesce(j ->> run_id_fields[1], j ->> run_id_fields[2])::uuid, old_j, j,
            public.audit_context()
        FROM (
            SELECT to_jsonb(o) AS old_j, to_jsonb(n) AS j
            FROM old_rows AS o
            -- FULL, since that is hashed however many rows there are
            FULL JOIN new_rows AS n ON n.id = o.id
            WHERE coalesce(n.id = o.id, FALSE)
        ) AS changed
        WHERE old_j IS DISTINCT FROM j;
    ELSE
        INSERT INTO public.audit_log (action, table_name, run_id, old_value, context)
        SELECT TG_OP, TG_TABLE_NAME, coalesce(j ->> run_id_fields[1], j ->> run_id_fields[2])::uuid, j,
            public.audit_context()
        FROM (SELECT to_jsonb(o) AS j FROM old_rows AS o) AS changed;
    END IF;
    RETURN NULL;
END $$;

-- as before, and: matches across days
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
            '{reconciliation_runs,data_quality_checks,system_configuration,outbox,prior_day_matches}'::text[]
        ) AS t (name)
    CROSS JOIN LATERAL verify_audit_rows(t.name) AS v;
END;
RESET ROLE;
