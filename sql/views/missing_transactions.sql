-- The classic question: what is at the processor and not in our ledger, by the current answer of every day.
-- A day without a conclusion has no missing transactions, only unknown ones. What the ledger had on another day is not
-- missing.
CREATE OR REPLACE VIEW missing_transactions
WITH (security_invoker = TRUE) AS
SELECT
    d.id,
    d.run_id,
    d.transaction_id,
    d.processor_name,
    d.amount,
    d.currency,
    d.merchant_id,
    d.business_date AS transaction_date,
    d.reference_number,
    d.fee,
    d.status,
    jsonb_build_object(
        'discrepancy_id', d.discrepancy_id,
        'occurrence', d.occurrence,
        'priority', d.priority,
        'raw_file', d.processor_raw_file,
        'record_number', d.processor_record_number,
        'occurred_at', d.occurred_at,
        'amount_minor', d.amount_minor
    ) AS metadata,
    d.tenant_id
FROM discrepancies AS d
INNER JOIN reconciliation_runs AS r ON d.tenant_id = r.tenant_id AND d.run_id = r.id
WHERE
    d.class = 'missing_in_ledger' AND r.is_current AND r.verdict <> 'incomplete'
    AND NOT EXISTS (
        SELECT 1 FROM prior_day_matches AS m
        WHERE
            m.tenant_id = d.tenant_id AND m.processor_name = d.processor_name AND m.processor_date = d.business_date
            AND m.processor_discrepancy_id = d.discrepancy_id AND m.ended_by IS NULL
    );

COMMENT ON VIEW missing_transactions IS
'At the processor and in the ledger of no day, by the current run of every concluded day';
COMMENT ON COLUMN missing_transactions.amount IS 'Exact decimal amount in currency; money in is positive';
COMMENT ON COLUMN missing_transactions.fee IS 'Exact decimal fee in currency; null when the feed did not say';
GRANT SELECT ON missing_transactions TO recon_app, recon_reader, recon_auditor;
