-- A step that had ties, asked again of what is left: who still has a candidate is torn.
CREATE OR REPLACE TEMPORARY TABLE still_tied AS
SELECT
    r.side,
    r.seq
FROM step_records AS r
INNER JOIN equal_amounts AS e ON r.key = e.key AND r.currency = e.currency AND r.amount_minor = e.amount_minor
UNION
SELECT
    'processor' AS side,
    n.processor_seq AS seq
FROM accepted AS n
UNION
SELECT
    'ledger' AS side,
    n.ledger_seq AS seq
FROM accepted AS n;
