-- Missing transactions of at least 1,000 whole units of their own currency: currencies are never compared.
CREATE OR REPLACE VIEW v_high_value_missing_transactions
WITH (security_invoker = TRUE) AS
SELECT
    m.transaction_date,
    m.processor_name,
    m.transaction_id,
    m.amount,
    m.currency,
    m.merchant_id,
    m.reference_number,
    m.fee,
    m.status,
    m.metadata,
    m.run_id,
    m.id,
    m.tenant_id
FROM missing_transactions AS m
CROSS JOIN (VALUES (1000)) AS threshold (amount)
WHERE abs(m.amount) >= threshold.amount;

COMMENT ON VIEW v_high_value_missing_transactions IS
'Missing transactions of 1,000 whole units of their currency or more, money out as well as money in';
COMMENT ON COLUMN v_high_value_missing_transactions.amount IS 'Exact decimal amount in currency; money in is positive';
COMMENT ON COLUMN v_high_value_missing_transactions.fee IS
'Exact decimal fee in currency; null when the feed did not say';
GRANT SELECT ON v_high_value_missing_transactions TO recon_app, recon_reader, recon_auditor;
