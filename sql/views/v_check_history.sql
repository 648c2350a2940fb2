-- What the data-quality checks found over time, and whether the run that they belong to still stands.
CREATE OR REPLACE VIEW v_check_history
WITH (security_invoker = TRUE) AS
SELECT
    c.business_date,
    c.processor_name,
    c.asset_key,
    c.check_name,
    c.passed,
    c.severity,
    c.rows_checked,
    c.failed_rows,
    c.failed_rules,
    c.description,
    c.checked_at,
    c.dagster_run_id,
    c.run_id,
    r.version,
    r.is_current,
    c.tenant_id
FROM data_quality_checks AS c
LEFT JOIN reconciliation_runs AS r ON c.tenant_id = r.tenant_id AND c.run_id = r.id;

COMMENT ON VIEW v_check_history IS
'Every outcome of every data-quality check; version and is_current are null while no run was published with it';
GRANT SELECT ON v_check_history TO recon_app, recon_reader, recon_auditor;
