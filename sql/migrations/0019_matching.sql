-- The matching knows more classes, and more about each row: which pass, what differs, until when a record may wait. An
-- answer names the rules that it was found by and counts what waits apart from what disagrees. What was written before
-- keeps its meaning: it had disagreements only, and matches of one record with one.
-- A few runs a day: to check them all takes no time. Discrepancies are read once.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint, adding-not-nullable-field
SET LOCAL ROLE recon_owner;

-- a retired month stays like the table, so that the rows of both are verified in one way
DO $$
DECLARE
    target regclass;
    rule record;
BEGIN
    FOR target IN
        SELECT 'public.discrepancies'::regclass
        UNION ALL
        SELECT c.oid::regclass FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'recon_retired' AND c.relkind = 'r'
    LOOP
        EXECUTE format(
            'ALTER TABLE %s ADD COLUMN pass text, ADD COLUMN differs text, ADD COLUMN due_on date, '
            'ADD COLUMN counterpart_date date, ADD COLUMN fee_difference_minor bigint, '
            'DROP CONSTRAINT discrepancies_class_check, DROP CONSTRAINT has_a_record', target
        );
        FOR rule IN
            SELECT * FROM (VALUES
                (
                    'discrepancies_class_check',
                    $rule$class IN (
                        'matched_in_tolerance', 'matched_prior_day', 'missing_in_ledger', 'missing_at_processor',
                        'pending_in_ledger', 'pending_at_processor', 'amount_mismatch', 'currency_mismatch',
                        'status_mismatch', 'fee_mismatch', 'duplicate_at_processor', 'duplicate_in_ledger',
                        'ambiguous', 'restated', 'unclassified'
                    )$rule$
                ),
                (
                    'outcome_follows_from_class',
                    $rule$outcome = CASE
                        WHEN class IN ('pending_in_ledger', 'pending_at_processor') THEN 'pending'
                        WHEN class IN ('matched_in_tolerance', 'matched_prior_day', 'restated', 'unclassified')
                            THEN 'ok'
                        ELSE 'discrepancy'
                    END$rule$
                ),
                -- a row about a record that the processor took back may have none
                ('has_a_record', 'processor_seq IS NOT NULL OR ledger_seq IS NOT NULL OR class = ''restated'''),
                ('discrepancies_pass_check', 'pass ~ ''^[a-z0-9_]{1,50}$'''),
                ('discrepancies_differs_check', 'differs ~ ''^[a-z_]+(, ?[a-z_]+)*$'''),
                ('pending_has_a_due_date', 'outcome <> ''pending'' OR due_on IS NOT NULL'),
                (
                    'only_what_is_alone_is_due',
                    $rule$due_on > business_date AND class IN (
                        'pending_in_ledger', 'pending_at_processor', 'missing_in_ledger', 'missing_at_processor'
                    )
                    OR due_on IS NULL$rule$
                ),
                (
                    'counterpart_of_another_day',
                    $rule$(class = 'matched_prior_day') = (counterpart_date IS NOT NULL)
                    AND counterpart_date IS DISTINCT FROM business_date$rule$
                ),
                (
                    'fee_mismatch_has_a_difference',
                    'class <> ''fee_mismatch'' OR coalesce(fee_difference_minor, 0) <> 0'
                )
            ) AS r (name, condition)
        LOOP
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s)', target, rule.name, rule.condition);
        END LOOP;
    END LOOP;
END $$;

COMMENT ON COLUMN discrepancies.pass IS 'The pass of the match; null when there is no match';
COMMENT ON COLUMN discrepancies.differs IS 'All that differs in the match, separated by commas';
COMMENT ON COLUMN discrepancies.due_on IS 'The date from which a record that stayed alone is a discrepancy';
COMMENT ON COLUMN discrepancies.counterpart_date IS
'The day of the record that this one matched, when it is another day';
COMMENT ON COLUMN discrepancies.fee_difference_minor IS
'The processor''s fee less the expected one, in minor units of currency';

ALTER TABLE reconciliation_runs ADD COLUMN rule_version text CHECK (rule_version ~ '^[0-9a-f]{64}$');
ALTER TABLE reconciliation_runs ADD COLUMN pending_count bigint CHECK (pending_count >= 0);
ALTER TABLE reconciliation_runs ADD CONSTRAINT without_an_answer_no_rules_and_nothing_pending CHECK (
    status IN ('completed', 'incomplete', 'unchanged') OR num_nonnulls(rule_version, pending_count) = 0
);
ALTER TABLE reconciliation_runs ADD CONSTRAINT reconciled_has_nothing_pending CHECK (
    verdict <> 'reconciled' OR coalesce(pending_count, 0) = 0
);
ALTER TABLE reconciliation_runs ADD CONSTRAINT with_pending_has_some CHECK (
    verdict <> 'reconciled_with_pending' OR coalesce(pending_count, 0) > 0
);
COMMENT ON COLUMN reconciliation_runs.rule_version IS
'SHA-256 of the matching rules of the answer; null before there were versions';
COMMENT ON COLUMN reconciliation_runs.discrepancy_count IS 'Rows of the outcome discrepancy';
COMMENT ON COLUMN reconciliation_runs.pending_count IS
'Rows that wait for their counterpart; null in answers from before there were such rows';

ALTER TABLE reconciliation_proofs ADD COLUMN pending_count bigint NOT NULL DEFAULT 0 CHECK (pending_count >= 0);
ALTER TABLE reconciliation_proofs ADD COLUMN pending_amount_minor numeric(38, 0) NOT NULL DEFAULT 0
CHECK (pending_amount_minor >= 0);
COMMENT ON COLUMN reconciliation_proofs.pending_amount_minor IS
'Sum of the absolute amounts that wait for their counterpart';

ALTER TABLE matches ADD COLUMN processor_records bigint;
ALTER TABLE matches ADD COLUMN ledger_records bigint;
-- the two columns are new, so what was written of these rows, and is in the audit log, does not change by it
ALTER TABLE matches DISABLE TRIGGER refuse_change;
ALTER TABLE matches NO FORCE ROW LEVEL SECURITY;
UPDATE matches SET processor_records = match_count, ledger_records = match_count;
ALTER TABLE matches FORCE ROW LEVEL SECURITY;
ALTER TABLE matches ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE matches ALTER COLUMN processor_records SET NOT NULL;
ALTER TABLE matches ALTER COLUMN ledger_records SET NOT NULL;
ALTER TABLE matches ADD CONSTRAINT a_match_has_both_sides CHECK (
    processor_records >= match_count AND ledger_records >= match_count
);
COMMENT ON TABLE matches IS
'How many matches each pass of the matching found in a run, of how many records; the matches are in files';
COMMENT ON COLUMN matches.match_count IS 'A match of one record with several counts once';

-- as before, and: by outcome, with the verdict that follows, the rules' version, and no record in two matches
CREATE OR REPLACE FUNCTION guard_answer() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problem text;
BEGIN
    SELECT CASE
        WHEN NEW.rule_version IS NULL THEN 'the version of the rules'
        WHEN count(*) FILTER (WHERE d.outcome = 'discrepancy') <> NEW.discrepancy_count THEN 'discrepancies'
        WHEN count(*) FILTER (WHERE d.outcome = 'pending') IS DISTINCT FROM NEW.pending_count THEN 'pending rows'
        WHEN count(*) FILTER (WHERE d.class = 'missing_in_ledger') <> NEW.missing_transaction_count THEN
            'missing transactions'
        WHEN count(*) FILTER (
            WHERE d.processor_name <> NEW.processor_name OR d.business_date <> NEW.run_date
        ) > 0 THEN 'discrepancies'
        WHEN NEW.verdict <> 'incomplete' AND NEW.verdict <> CASE
            WHEN NEW.discrepancy_count > 0 THEN 'discrepancies'
            WHEN count(*) FILTER (WHERE d.class IN ('matched_in_tolerance', 'restated', 'unclassified')) > 0 THEN
                'reconciled_with_warnings'
            WHEN NEW.pending_count > 0 THEN 'reconciled_with_pending'
            ELSE 'reconciled'
        END THEN 'the verdict'
        WHEN EXISTS (
            SELECT 1 FROM public.matches AS m
            WHERE m.tenant_id = NEW.tenant_id AND m.run_id = NEW.id
            HAVING coalesce(sum(m.match_count), 0) <> NEW.matched_count
                OR sum(m.processor_records) > NEW.processor_transactions
                OR sum(m.ledger_records) > NEW.internal_transactions
        ) THEN 'matches'
    END INTO problem
    FROM public.discrepancies AS d
    WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id;
    IF problem IS NULL AND EXISTS (
        SELECT 1
        FROM (
            SELECT p.currency, p.discrepancy_count, p.signed_discrepancies_minor, p.discrepancy_amount_minor,
                p.pending_count, p.pending_amount_minor
            FROM public.reconciliation_proofs AS p
            WHERE p.tenant_id = NEW.tenant_id AND p.run_id = NEW.id
        ) AS said
        FULL JOIN (
            SELECT legs.currency, sum(legs.minor) AS signed_minor,
                sum(legs.counted) FILTER (WHERE legs.outcome = 'discrepancy') AS discrepancy_count,
                sum(abs(legs.minor)) FILTER (WHERE legs.outcome = 'discrepancy') AS discrepancy_minor,
                sum(legs.counted) FILTER (WHERE legs.outcome = 'pending') AS pending_count,
                sum(abs(legs.minor)) FILTER (WHERE legs.outcome = 'pending') AS pending_minor
            FROM (
                SELECT d.currency, d.outcome, 1 AS counted, d.amount_minor::numeric AS minor
                FROM public.discrepancies AS d
                WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id AND d.business_date = NEW.run_date
                UNION ALL
                -- the other leg of a mismatch of currencies lies in the ledger's
                SELECT d.ledger_currency, d.outcome, 0, -d.ledger_amount_minor::numeric
                FROM public.discrepancies AS d
                WHERE d.tenant_id = NEW.tenant_id AND d.run_id = NEW.id AND d.business_date = NEW.run_date
                    AND d.class = 'currency_mismatch'
            ) AS legs
            GROUP BY legs.currency
        ) AS found ON found.currency = said.currency
        WHERE (
            said.signed_discrepancies_minor, said.discrepancy_count, said.discrepancy_amount_minor, said.pending_count,
            said.pending_amount_minor
        ) IS DISTINCT FROM (
            coalesce(found.signed_minor, 0), coalesce(found.discrepancy_count, 0),
            coalesce(found.discrepancy_minor, 0), coalesce(found.pending_count, 0), coalesce(found.pending_minor, 0)
        )
    ) THEN
        problem := 'proofs';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the answer of run % is not that of its rows: %', NEW.id, problem USING
            ERRCODE = '23514', CONSTRAINT = 'answer_is_that_of_its_rows';
    END IF;
    RETURN NULL;
END $$;
