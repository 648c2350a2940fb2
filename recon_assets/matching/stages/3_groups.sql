-- One record against several: the records of the several that share key and `group_by` are summed, exactly. A sum and a
-- single record match when they are the only ones of their key, currency and amount. No subset is tried, and a group in
-- two currencies has no sum. `one_side` of the step says which side is the single one.
CREATE OR REPLACE TEMPORARY TABLE group_sums AS
SELECT
    r.key,
    r.group_key,
    min(r.currency) AS currency,
    sum(cast(r.amount_minor AS decimal(38, 0))) AS amount_minor
FROM step_records AS r
CROSS JOIN step AS s
WHERE r.side <> s.one_side AND r.group_key IS NOT NULL
GROUP BY r.key, r.group_key
HAVING min(r.currency) = max(r.currency);

CREATE OR REPLACE TEMPORARY TABLE group_matches AS
SELECT
    b.key,
    max(b.group_key) AS group_key,
    max(b.seq) AS seq
FROM (
    SELECT
        g.key,
        g.currency,
        g.amount_minor,
        g.group_key,
        cast(NULL AS bigint) AS seq
    FROM group_sums AS g
    UNION ALL
    SELECT
        r.key,
        r.currency,
        cast(r.amount_minor AS decimal(38, 0)) AS amount_minor,
        cast(NULL AS varchar) AS group_key,
        r.seq
    FROM step_records AS r
    CROSS JOIN step AS s
    WHERE r.side = s.one_side
) AS b
GROUP BY b.key, b.currency, b.amount_minor
HAVING count(b.group_key) = 1 AND count(b.seq) = 1;

CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    'group' AS what,
    g.seq AS match_no,
    CASE WHEN s.one_side = 'processor' THEN g.seq ELSE several.seq END AS processor_seq,
    CASE WHEN s.one_side = 'ledger' THEN g.seq ELSE several.seq END AS ledger_seq,
    cast(NULL AS integer) AS score
FROM group_matches AS g
CROSS JOIN step AS s
INNER JOIN step_records AS several
    ON g.key = several.key AND g.group_key = several.group_key AND s.one_side <> several.side;
