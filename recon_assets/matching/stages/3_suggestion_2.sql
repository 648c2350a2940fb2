-- Who is the other's only candidate is matched. Who has several, or whose candidate has, is tied: a sample of the
-- candidates is kept, and the step is asked again at the end whether they are still there.
CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    'equal' AS what,
    e.first_at_processor AS match_no,
    e.first_at_processor AS processor_seq,
    e.first_in_ledger AS ledger_seq,
    cast(NULL AS integer) AS score
FROM equal_amounts AS e
WHERE e.records = 2
UNION ALL
SELECT
    'near' AS what,
    n.processor_seq AS match_no,
    n.processor_seq,
    n.ledger_seq,
    cast(NULL AS integer) AS score
FROM near_matches AS n
UNION ALL
SELECT
    'tied' AS what,
    cast(NULL AS bigint) AS match_no,
    t.processor_seq,
    t.ledger_seq,
    cast(NULL AS integer) AS score
FROM (
    SELECT
        n.processor_seq,
        n.ledger_seq
    FROM accepted AS n
    UNION
    -- of records with equal amounts the first of each side stands for all that it is tied with
    SELECT
        CASE WHEN r.side = 'processor' THEN r.seq ELSE e.first_at_processor END AS processor_seq,
        CASE WHEN r.side = 'ledger' THEN r.seq ELSE e.first_in_ledger END AS ledger_seq
    FROM equal_amounts AS e
    INNER JOIN step_records AS r ON e.key = r.key AND e.currency = r.currency AND e.amount_minor = r.amount_minor
    WHERE e.records > 2
) AS t
LEFT JOIN near_matches AS m ON t.processor_seq = m.processor_seq AND t.ledger_seq = m.ledger_seq
WHERE m.processor_seq IS NULL;
