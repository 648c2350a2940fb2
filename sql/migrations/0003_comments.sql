-- What the tables and their money columns mean, for whoever opens the database with a client.

COMMENT ON FUNCTION amount_from_minor IS 'Minor units as a decimal amount, exactly: 1995 with exponent 2 is 19.95';

COMMENT ON TABLE reconciliation_runs IS 'One row per attempt at a processor-day; the current answer has is_current';
COMMENT ON COLUMN reconciliation_runs.run_date IS
'The business date in the processor''s time zone, not the day the run took place';
COMMENT ON COLUMN reconciliation_runs.currency IS
'Set when the day has exactly one currency; else the money is in reconciliation_proofs only';
COMMENT ON COLUMN reconciliation_runs.total_volume_processed IS
'Sum of absolute amounts at the processor in currency; null when the day has several currencies or none';
COMMENT ON COLUMN reconciliation_runs.total_discrepancy_amount IS
'Sum of absolute differences in currency, not netted; null when the day has several currencies or none';
COMMENT ON COLUMN reconciliation_runs.value_at_risk_rate IS
'Absolute discrepancy amount divided by volume; the highest of the day''s currencies';
COMMENT ON COLUMN reconciliation_runs.internal_transactions IS 'Ledger entries of the day';

COMMENT ON TABLE reconciliation_proofs IS
'Per run and currency: processor total - ledger total = signed discrepancies, residual 0';
COMMENT ON COLUMN reconciliation_proofs.processor_total_minor IS
'Signed sum of the processor''s amounts, in minor units';
COMMENT ON COLUMN reconciliation_proofs.ledger_total_minor IS 'Signed sum of the ledger''s amounts, in minor units';
COMMENT ON COLUMN reconciliation_proofs.signed_discrepancies_minor IS
'Sum of what every discrepancy adds to the difference of the sides, in minor units';
COMMENT ON COLUMN reconciliation_proofs.residual_minor IS
'What no discrepancy explains, in minor units; anything but 0 is a finding of priority 1';
COMMENT ON COLUMN reconciliation_proofs.discrepancy_amount_minor IS 'Sum of absolute differences, in minor units';
COMMENT ON COLUMN reconciliation_proofs.volume_minor IS 'Sum of absolute amounts at the processor, in minor units';

COMMENT ON TABLE discrepancies IS
'Named disagreements of a run; append-only. discrepancy_id is the same for life, id is this row';
COMMENT ON COLUMN discrepancies.amount_minor IS
'What it adds to processor total minus ledger total, signed, in minor units of currency';
COMMENT ON COLUMN discrepancies.amount IS 'amount_minor as a decimal of currency, computed';
COMMENT ON COLUMN discrepancies.processor_amount_minor IS
'Amount at the processor, in minor units of processor_currency';
COMMENT ON COLUMN discrepancies.ledger_amount_minor IS 'Amount in the ledger, in minor units of ledger_currency';
COMMENT ON COLUMN discrepancies.fee_minor IS
'Fee in minor units of currency; one we pay is positive; null when the feed did not say';
COMMENT ON COLUMN discrepancies.fee IS 'fee_minor as a decimal of currency, computed';

COMMENT ON TABLE data_quality_checks IS 'What one data-quality check found on one partition; never changed';
COMMENT ON TABLE system_health IS 'What a health probe found, one row per probe';
COMMENT ON TABLE system_configuration IS
'Settings that are changed while the system runs; every change is in audit_log';
COMMENT ON TABLE audit_log IS 'Every change of the record, by whom and when; append-only';
