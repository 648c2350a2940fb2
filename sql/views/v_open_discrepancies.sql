-- What is to be cleared: the discrepancies of the current answers, with their age since the business date (UTC).
-- Those of an incomplete day are provisional: the column verdict says so. What a record of another day was matched with
-- is not open. Two kinds of rows are open although their day's answer does not call them discrepancies, and have the
-- class that they will have when it is run again: what was still waiting when the processor's newest concluded day was
-- earlier (is_overdue), and what had a match on another day that has ended.
CREATE OR REPLACE VIEW v_open_discrepancies
WITH (security_invoker = TRUE) AS
SELECT
    d.business_date,
    d.processor_name,
    CASE
        WHEN d.outcome = 'discrepancy' THEN d.class
        WHEN d.side = 'processor' THEN 'missing_in_ledger'
        ELSE 'missing_at_processor'
    END AS class,
    d.priority,
    d.transaction_id,
    d.currency,
    d.amount,
    d.amount_minor,
    d.merchant_id,
    d.reference_number,
    age.days AS age_days,
    CASE
        WHEN age.days <= 1 THEN '0-1'
        WHEN age.days <= 7 THEN '2-7'
        WHEN age.days <= 30 THEN '8-30'
        ELSE 'over 30'
    END AS ageing_bucket,
    r.verdict,
    d.discrepancy_id,
    d.run_id,
    d.id,
    d.tenant_id,
    d.due_on,
    d.outcome = 'pending' AS is_overdue
FROM discrepancies AS d
INNER JOIN reconciliation_runs AS r ON d.tenant_id = r.tenant_id AND d.run_id = r.id,
    LATERAL (SELECT greatest((now() AT TIME ZONE 'UTC')::date - d.business_date, 0) AS days) AS age
WHERE
    r.is_current
    AND (
        d.outcome = 'discrepancy'
        OR (d.class = 'matched_prior_day' AND r.verdict <> 'incomplete')
        OR (
            d.outcome = 'pending' AND r.verdict <> 'incomplete'
            AND d.due_on <= (
                SELECT max(n.run_date) FROM reconciliation_runs AS n
                WHERE
                    n.tenant_id = d.tenant_id AND n.processor_name = d.processor_name
                    AND n.is_current AND n.status = 'completed'
            )
        )
    )
    AND NOT EXISTS (
        SELECT 1 FROM prior_day_matches AS m
        WHERE
            m.tenant_id = d.tenant_id AND m.processor_name = d.processor_name AND m.processor_date = d.business_date
            AND m.processor_discrepancy_id = d.discrepancy_id AND m.ended_by IS NULL
    )
    AND NOT EXISTS (
        SELECT 1 FROM prior_day_matches AS m
        WHERE
            m.tenant_id = d.tenant_id AND m.processor_name = d.processor_name AND m.ledger_date = d.business_date
            AND m.ledger_discrepancy_id = d.discrepancy_id AND m.ended_by IS NULL
    );

COMMENT ON VIEW v_open_discrepancies IS
'Discrepancies of the current runs with their age in days and ageing bucket (0-1, 2-7, 8-30, over 30)';
COMMENT ON COLUMN v_open_discrepancies.class IS 'As the day would have it if it were run now';
COMMENT ON COLUMN v_open_discrepancies.amount IS
'What it adds to processor total minus ledger total, signed, as a decimal of currency';
COMMENT ON COLUMN v_open_discrepancies.amount_minor IS 'The same in minor units of currency';
COMMENT ON COLUMN v_open_discrepancies.due_on IS 'Until when it could wait for its counterpart; null if not at all';
COMMENT ON COLUMN v_open_discrepancies.is_overdue IS
'Waiting by its day''s answer, and due by the newest concluded day of the processor';
GRANT SELECT ON v_open_discrepancies TO recon_app, recon_reader, recon_auditor;
