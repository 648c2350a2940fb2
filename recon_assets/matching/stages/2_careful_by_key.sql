-- The records of the unclean keys, and those without a key, both sides in one table.
CREATE OR REPLACE TEMPORARY TABLE careful_records AS
SELECT r.*
FROM (
    SELECT
        'processor' AS side,
        t.*
    FROM keyed_transactions AS t
    INNER JOIN unclean_keys AS u ON t.key = u.key
    UNION ALL
    SELECT
        'processor' AS side,
        t.*
    FROM keyed_transactions AS t
    WHERE t.key IS NULL
    UNION ALL
    SELECT
        'ledger' AS side,
        e.*
    FROM keyed_ledger_entries AS e
    INNER JOIN unclean_keys AS u ON e.key = u.key
    UNION ALL
    SELECT
        'ledger' AS side,
        e.*
    FROM keyed_ledger_entries AS e
    WHERE e.key IS NULL
) AS r;
