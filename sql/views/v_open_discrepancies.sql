-- What is to be cleared: the discrepancies of the current answers, with their age since the business date (UTC).
-- Those of an incomplete day are provisional: the column verdict says so.
CREATE OR REPLACE VIEW v_open_discrepancies
WITH (security_invoker = TRUE) AS
SELECT
    d.business_date,
    d.processor_name,
    d.class,
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
    d.tenant_id
FROM discrepancies AS d
INNER JOIN reconciliation_runs AS r ON d.tenant_id = r.tenant_id AND d.run_id = r.id,
    LATERAL (SELECT greatest((now() AT TIME ZONE 'UTC')::date - d.business_date, 0) AS days) AS age
WHERE r.is_current AND d.outcome = 'discrepancy';

COMMENT ON VIEW v_open_discrepancies IS
'Discrepancies of the current runs with their age in days and ageing bucket (0-1, 2-7, 8-30, over 30)';
COMMENT ON COLUMN v_open_discrepancies.amount IS
'What it adds to processor total minus ledger total, signed, as a decimal of currency';
COMMENT ON COLUMN v_open_discrepancies.amount_minor IS 'The same in minor units of currency';
GRANT SELECT ON v_open_discrepancies TO recon_app, recon_reader, recon_auditor;
