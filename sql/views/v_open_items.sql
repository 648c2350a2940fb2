-- Records that no record of any day was matched with, by the current answers of concluded days: what waits within its
-- grace and what is missing. A match on another day that has ended leaves its records open again.
CREATE OR REPLACE VIEW v_open_items
WITH (security_invoker = TRUE) AS
SELECT
    d.business_date,
    d.processor_name,
    d.side,
    CASE
        WHEN d.outcome = 'pending' AND d.due_on > newest.concluded THEN d.class
        WHEN d.side = 'processor' THEN 'missing_in_ledger'
        ELSE 'missing_at_processor'
    END AS class,
    d.transaction_id,
    d.currency,
    d.amount,
    d.amount_minor,
    d.due_on,
    d.outcome = 'pending' AND d.due_on <= newest.concluded AS is_overdue,
    greatest((now() AT TIME ZONE 'UTC')::date - d.business_date, 0) AS age_days,
    d.merchant_id,
    d.reference_number,
    d.discrepancy_id,
    d.run_id,
    d.id,
    d.tenant_id
FROM discrepancies AS d
INNER JOIN reconciliation_runs AS r ON d.tenant_id = r.tenant_id AND d.run_id = r.id
CROSS JOIN
    LATERAL (
        SELECT max(n.run_date) AS concluded FROM reconciliation_runs AS n
        WHERE
            n.tenant_id = d.tenant_id AND n.processor_name = d.processor_name
            AND n.is_current AND n.status = 'completed'
    ) AS newest
WHERE
    r.is_current AND r.status = 'completed'
    AND d.class IN (
        'missing_in_ledger', 'missing_at_processor', 'pending_in_ledger', 'pending_at_processor', 'matched_prior_day'
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

COMMENT ON VIEW v_open_items IS
'Records without a counterpart on any day, by the current runs of concluded days: waiting (pending) or missing';
COMMENT ON COLUMN v_open_items.amount IS
'What it adds to processor total minus ledger total, signed, as a decimal of currency';
COMMENT ON COLUMN v_open_items.amount_minor IS 'The same in minor units of currency';
COMMENT ON COLUMN v_open_items.due_on IS 'Until when it may wait for its counterpart; null if not at all';
COMMENT ON COLUMN v_open_items.is_overdue IS
'Waiting by its day''s answer, and due by the newest concluded day of the processor';
GRANT SELECT ON v_open_items TO recon_app, recon_reader, recon_auditor;
