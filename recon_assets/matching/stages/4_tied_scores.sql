-- Of scored passes: a record whose best score was shared is ambiguous, if such a candidate and itself are both left.
CREATE OR REPLACE TEMPORARY TABLE fates AS
SELECT * FROM fates
UNION
SELECT
    t.side,
    t.seq,
    'ambiguous' AS fate
FROM (
    SELECT
        'processor' AS side,
        c.processor_seq AS seq
    FROM tied_scores AS c
    INNER JOIN left_records AS p ON c.processor_seq = p.seq AND p.side = 'processor'
    INNER JOIN left_records AS l ON c.ledger_seq = l.seq AND l.side = 'ledger'
    WHERE c.processor_is_torn
    UNION
    SELECT
        'ledger' AS side,
        c.ledger_seq AS seq
    FROM tied_scores AS c
    INNER JOIN left_records AS p ON c.processor_seq = p.seq AND p.side = 'processor'
    INNER JOIN left_records AS l ON c.ledger_seq = l.seq AND l.side = 'ledger'
    WHERE c.ledger_is_torn
) AS t;
