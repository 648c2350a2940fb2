-- The ten latest attempts, whatever became of them.
SELECT
    run_date,
    processor_name,
    missing_transaction_count,
    total_discrepancy_amount,
    status
FROM reconciliation_runs
ORDER BY start_time DESC
LIMIT 10;
