-- A step that had ties, asked again of what is left: who still has a candidate is torn.
CREATE OR REPLACE TEMPORARY TABLE still_tied AS
SELECT
    e.side,
    e.seq
FROM equal_counted AS e
WHERE e.at_processor > 0 AND e.in_ledger > 0
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
