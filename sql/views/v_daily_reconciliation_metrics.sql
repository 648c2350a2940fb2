-- A business date over all processors, one row per currency since currencies are never added, by the current runs.
-- A run whose day had no records counts under the currency null.
CREATE OR REPLACE VIEW v_daily_reconciliation_metrics
WITH (security_invoker = TRUE) AS
SELECT
    r.run_date,
    p.currency,
    count(*) AS runs,
    count(*) FILTER (WHERE r.verdict = 'incomplete') AS incomplete_runs,
    sum(p.processor_transactions) AS processor_transactions,
    sum(p.ledger_entries) AS ledger_entries,
    sum(p.discrepancy_count) AS discrepancy_count,
    sum(amount_from_minor(p.volume_minor, p.exponent)) AS total_volume_processed,
    sum(amount_from_minor(p.discrepancy_amount_minor, p.exponent)) AS total_discrepancy_amount,
    round(sum(p.discrepancy_count) / nullif(sum(p.processor_transactions), 0), 4) AS discrepancy_rate,
    round(sum(p.discrepancy_amount_minor) / nullif(sum(p.volume_minor), 0), 4) AS value_at_risk_rate,
    sum(amount_from_minor(abs(p.residual_minor), p.exponent)) AS total_residual,
    r.tenant_id
FROM reconciliation_runs AS r
LEFT JOIN reconciliation_proofs AS p ON r.tenant_id = p.tenant_id AND r.id = p.run_id
WHERE r.is_current AND r.status <> 'unchanged'
GROUP BY r.tenant_id, r.run_date, p.currency;

COMMENT ON VIEW v_daily_reconciliation_metrics IS
'Figures of a business date and currency over all processors, by their current runs; incomplete runs are counted too';
COMMENT ON COLUMN v_daily_reconciliation_metrics.total_volume_processed IS
'Sum of absolute amounts at the processors, in currency';
COMMENT ON COLUMN v_daily_reconciliation_metrics.total_discrepancy_amount IS
'Sum of absolute differences in currency, not netted';
COMMENT ON COLUMN v_daily_reconciliation_metrics.total_residual IS
'Sum of absolute residuals in currency; anything but 0 is a finding of priority 1';
GRANT SELECT ON v_daily_reconciliation_metrics TO recon_app, recon_reader, recon_auditor;
