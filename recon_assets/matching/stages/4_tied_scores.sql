-- Of a scored step: a record whose best score was shared is torn, if such a candidate and itself are both left.
CREATE OR REPLACE TEMPORARY TABLE left_tied AS
SELECT t.*
FROM tied_scores AS t
INNER JOIN left_records AS p ON t.processor_seq = p.seq AND p.side = 'processor'
INNER JOIN left_records AS l ON t.ledger_seq = l.seq AND l.side = 'ledger';

CREATE OR REPLACE TEMPORARY TABLE still_tied AS
SELECT
    'processor' AS side,
    t.processor_seq AS seq
FROM left_tied AS t
WHERE t.processor_is_torn
UNION
SELECT
    'ledger' AS side,
    t.ledger_seq AS seq
FROM left_tied AS t
WHERE t.ledger_is_torn;
