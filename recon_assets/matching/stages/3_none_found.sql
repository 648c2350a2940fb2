-- Where no step was run.
CREATE OR REPLACE TEMPORARY TABLE none_found AS
SELECT
    cast(NULL AS varchar) AS pass,
    cast(NULL AS bigint) AS step,
    cast(NULL AS varchar) AS what,
    cast(NULL AS bigint) AS match_no,
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq,
    cast(NULL AS integer) AS score
FROM run
WHERE FALSE;
