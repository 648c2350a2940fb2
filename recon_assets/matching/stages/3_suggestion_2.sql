-- Who is the other's only candidate is matched. Who has several, or whose candidate has, is tied: a sample of the
-- candidates is kept, and the step is asked again at the end whether they are still there.
CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    'equal' AS what,
    p.seq AS match_no,
    p.seq AS processor_seq,
    l.seq AS ledger_seq,
    cast(NULL AS integer) AS score
FROM equal_counted AS p
INNER JOIN equal_counted AS l ON p.key = l.key AND p.currency = l.currency AND p.amount_minor = l.amount_minor
WHERE p.side = 'processor' AND l.side = 'ledger' AND p.at_processor = 1 AND p.in_ledger = 1
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
        CASE WHEN r.side = 'processor' THEN r.seq ELSE r.first_at_processor END AS processor_seq,
        CASE WHEN r.side = 'ledger' THEN r.seq ELSE r.first_in_ledger END AS ledger_seq
    FROM (
        SELECT
            e.*,
            min(CASE WHEN e.side = 'processor' THEN e.seq END)
                OVER (PARTITION BY e.key, e.currency, e.amount_minor) AS first_at_processor,
            min(CASE WHEN e.side = 'ledger' THEN e.seq END)
                OVER (PARTITION BY e.key, e.currency, e.amount_minor) AS first_in_ledger
        FROM equal_counted AS e
        WHERE e.at_processor > 0 AND e.in_ledger > 0 AND e.at_processor + e.in_ledger > 2
    ) AS r
) AS t
LEFT JOIN near_matches AS m ON t.processor_seq = m.processor_seq AND t.ledger_seq = m.ledger_seq
WHERE m.processor_seq IS NULL;
