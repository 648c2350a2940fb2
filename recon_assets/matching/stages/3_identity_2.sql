-- What is left of an identity after the pairs within tolerance: one on each side is a match that differs; more than
-- that is a tie, and all are ambiguous; on one side only it is a duplicate, unless it is the first and nothing of its
-- key has matched.
CREATE OR REPLACE TEMPORARY TABLE still_left AS
SELECT
    r.side,
    r.seq,
    r.key,
    r.occurred_at
FROM near_records AS r
LEFT JOIN near_matches AS p ON r.side = 'processor' AND r.seq = p.processor_seq
LEFT JOIN near_matches AS l ON r.side = 'ledger' AND r.seq = l.ledger_seq
WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL;

CREATE OR REPLACE TEMPORARY TABLE left_keys AS
SELECT
    s.key,
    count(*) AS records,
    max(CASE WHEN s.side = 'processor' THEN s.seq END) AS processor_seq,
    max(CASE WHEN s.side = 'ledger' THEN s.seq END) AS ledger_seq
FROM still_left AS s
GROUP BY s.key;

CREATE OR REPLACE TEMPORARY TABLE identity_pairs AS
SELECT
    'alike' AS what,
    p.seq AS match_no,
    p.seq AS processor_seq,
    l.seq AS ledger_seq
FROM alike_ranked AS p
INNER JOIN alike_ranked AS l
    ON
        p.key = l.key AND p.currency = l.currency AND p.amount_minor = l.amount_minor AND p.status = l.status
        AND p.alike_rank = l.alike_rank
WHERE p.side = 'processor' AND l.side = 'ledger'
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
    k.processor_seq AS match_no,
    k.processor_seq,
    k.ledger_seq
FROM left_keys AS k
WHERE k.records = 2 AND k.processor_seq IS NOT NULL AND k.ledger_seq IS NOT NULL;

CREATE OR REPLACE TEMPORARY TABLE matched_keys AS
SELECT DISTINCT r.key
FROM step_records AS r
WHERE r.side = 'processor' AND r.seq IN (SELECT i.processor_seq FROM identity_pairs AS i);

CREATE OR REPLACE TEMPORARY TABLE became AS
SELECT
    'ambiguous' AS what,
    s.side,
    s.seq
FROM still_left AS s
INNER JOIN left_keys AS k ON s.key = k.key
WHERE k.processor_seq IS NOT NULL AND k.ledger_seq IS NOT NULL AND k.records > 2
UNION ALL
SELECT
    'duplicate' AS what,
    a.side,
    a.seq
FROM (
    SELECT
        s.side,
        s.seq,
        m.key AS matched_key,
        -- where nothing of the key has matched, all of it is still left
        row_number() OVER (PARTITION BY s.key ORDER BY s.occurred_at, s.seq) AS place
    FROM still_left AS s
    INNER JOIN left_keys AS k ON s.key = k.key
    LEFT JOIN matched_keys AS m ON s.key = m.key
    WHERE k.processor_seq IS NULL OR k.ledger_seq IS NULL
) AS a
WHERE a.matched_key IS NOT NULL OR a.place > 1;

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
    b.what,
    cast(NULL AS bigint) AS match_no,
    CASE WHEN b.side = 'processor' THEN b.seq END AS processor_seq,
    CASE WHEN b.side = 'ledger' THEN b.seq END AS ledger_seq,
    cast(NULL AS integer) AS score
FROM became AS b;
