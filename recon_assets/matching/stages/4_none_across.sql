-- Where nothing can match among days.
CREATE OR REPLACE TEMPORARY TABLE across_days AS
SELECT
    cast(NULL AS date) AS processor_date,
    cast(NULL AS varchar) AS processor_discrepancy_id,
    cast(NULL AS date) AS ledger_date,
    cast(NULL AS varchar) AS ledger_discrepancy_id,
    cast(NULL AS varchar) AS currency,
    cast(NULL AS bigint) AS amount_minor,
    cast(NULL AS varchar) AS pass
FROM run
WHERE FALSE;
