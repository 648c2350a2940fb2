-- The data-quality checks that failed, newest first.
SELECT
    business_date,
    processor_name,
    asset_key,
    check_name,
    severity,
    failed_rows,
    rows_checked,
    description
FROM data_quality_checks
WHERE NOT passed
ORDER BY checked_at DESC
LIMIT 100;
