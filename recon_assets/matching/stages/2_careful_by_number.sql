-- The records of the unclean rows of the join, both sides in one table.
CREATE OR REPLACE TEMPORARY TABLE careful_records AS
SELECT
    'processor' AS side,
    t.*
FROM keyed_transactions AS t
WHERE t.seq IN (SELECT u.own_seq FROM unclean_rows AS u)
UNION ALL
SELECT
    'ledger' AS side,
    e.*
FROM keyed_ledger_entries AS e
WHERE e.seq IN (SELECT u.other_seq FROM unclean_rows AS u);
