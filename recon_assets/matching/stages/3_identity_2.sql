-- What is left of an identity after the pairs within tolerance: one on each side is a match that differs; more than
-- that is a tie, and all are ambiguous; on one side only it is a duplicate, unless it is the first and nothing of its
-- key has matched.
CREATE OR REPLACE TEMPORARY TABLE still_left AS
SELECT
    r.*,
    sum(CASE WHEN r.side = 'processor' THEN 1 ELSE 0 END) OVER (PARTITION BY r.key) AS at_processor,
    sum(CASE WHEN r.side = 'ledger' THEN 1 ELSE 0 END) OVER (PARTITION BY r.key) AS in_ledger
FROM near_records AS r
LEFT JOIN near_matches AS p ON r.side = 'processor' AND r.seq = p.processor_seq
LEFT JOIN near_matches AS l ON r.side = 'ledger' AND r.seq = l.ledger_seq
WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL;

CREATE OR REPLACE TEMPORARY TABLE identity_pairs AS
SELECT
    'alike' AS what,
    a.processor_seq AS match_no,
    a.processor_seq,
    a.ledger_seq
FROM alike_pairs AS a
UNION ALL
SELECT
    'equal' AS what,
    e.processor_seq AS match_no,
    e.processor_seq,
    e.ledger_seq
FROM equal_pairs AS e
UNION ALL
SELECT
    'near' AS what,
    n.processor_seq AS match_no,
    n.processor_seq,
    n.ledger_seq
FROM near_matches AS n
UNION ALL
SELECT
    'differing' AS what,
    p.seq AS match_no,
    p.seq AS processor_seq,
    l.seq AS ledger_seq
FROM still_left AS p
INNER JOIN still_left AS l ON p.key = l.key
WHERE p.side = 'processor' AND l.side = 'ledger' AND p.at_processor = 1 AND p.in_ledger = 1;

CREATE OR REPLACE TEMPORARY TABLE placed AS
SELECT
    r.side,
    r.seq,
    row_number() OVER (PARTITION BY r.side, r.key ORDER BY r.occurred_at, r.seq) AS place,
    max(CASE WHEN m.processor_seq IS NULL THEN 0 ELSE 1 END) OVER (PARTITION BY r.key) AS key_has_match
FROM step_records AS r
LEFT JOIN identity_pairs AS m ON r.side = 'processor' AND r.seq = m.processor_seq;

CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    i.what,
    i.match_no,
    i.processor_seq,
    i.ledger_seq,
    cast(NULL AS integer) AS score
FROM identity_pairs AS i
UNION ALL
SELECT
    CASE
        WHEN s.at_processor > 0 AND s.in_ledger > 0 THEN 'ambiguous'
        ELSE 'duplicate'
    END AS what,
    cast(NULL AS bigint) AS match_no,
    CASE WHEN s.side = 'processor' THEN s.seq END AS processor_seq,
    CASE WHEN s.side = 'ledger' THEN s.seq END AS ledger_seq,
    cast(NULL AS integer) AS score
FROM still_left AS s
INNER JOIN placed AS k ON s.side = k.side AND s.seq = k.seq
WHERE
    (s.at_processor > 0 AND s.in_ledger > 0 AND s.at_processor + s.in_ledger > 2)
    OR ((s.at_processor = 0 OR s.in_ledger = 0) AND (k.place > 1 OR k.key_has_match = 1));
