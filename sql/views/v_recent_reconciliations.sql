-- Per processor-day the current answer and, if it is another one, the latest attempt: a day whose latest attempt
-- failed shows that failure beside the older answer, so that nobody takes yesterday's green for today's. An attempt
-- that found the same answer again is no row of its own: it is when the answer was last confirmed.
CREATE OR REPLACE VIEW v_recent_reconciliations
WITH (security_invoker = TRUE) AS
SELECT
    r.run_date,
    r.processor_name,
    r.version,
    r.is_current,
    r.version = latest.version AS is_latest_attempt,
    r.status,
    r.verdict,
    r.processor_transactions,
    r.internal_transactions,
    r.matched_count,
    r.discrepancy_count,
    r.missing_transaction_count,
    r.currency,
    r.total_volume_processed,
    r.total_discrepancy_amount,
    r.discrepancy_rate,
    r.value_at_risk_rate,
    r.risk_level,
    r.compliance_status,
    r.failed_stage,
    r.failure_reason,
    r.incomplete_reasons,
    r.start_time,
    r.end_time,
    r.id AS run_id,
    r.tenant_id,
    confirmation.confirmed_at
FROM reconciliation_runs AS r
CROSS JOIN
    LATERAL (
        SELECT max(n.version) AS version FROM reconciliation_runs AS n
        WHERE
            n.tenant_id = r.tenant_id AND n.processor_name = r.processor_name AND n.run_date = r.run_date
            AND n.status <> 'unchanged'
    ) AS latest
CROSS JOIN
    LATERAL (
        SELECT max(u.end_time) AS confirmed_at FROM reconciliation_runs AS u
        WHERE u.tenant_id = r.tenant_id AND u.same_answer_as = r.id
    ) AS confirmation
WHERE r.status <> 'unchanged' AND (r.is_current OR r.version = latest.version)
ORDER BY r.run_date DESC, r.start_time DESC, r.processor_name ASC;

COMMENT ON VIEW v_recent_reconciliations IS
'The current answer and the latest attempt of every processor-day, newest first';
GRANT SELECT ON v_recent_reconciliations TO recon_app, recon_reader, recon_auditor;
