-- A step whose differences are reported: the key is an identity, and what shares it belongs together.
-- First the records that are alike in everything, in the order in which they happened; then those that are the only
-- ones of their currency and amount on each side: a match with another status.
CREATE OR REPLACE TEMPORARY TABLE alike_ranked AS
SELECT
    r.side,
    r.seq,
    r.key,
    r.currency,
    r.amount_minor,
    r.status,
    row_number() OVER (
        PARTITION BY r.side, r.key, r.currency, r.amount_minor, r.status ORDER BY r.occurred_at, r.seq
    ) AS alike_rank
FROM step_records AS r;

CREATE OR REPLACE TEMPORARY TABLE alike_pairs AS
SELECT
    p.seq AS processor_seq,
    l.seq AS ledger_seq
FROM alike_ranked AS p
INNER JOIN alike_ranked AS l
    ON
        p.key = l.key AND p.currency = l.currency AND p.amount_minor = l.amount_minor AND p.status = l.status
        AND p.alike_rank = l.alike_rank
WHERE p.side = 'processor' AND l.side = 'ledger';

CREATE OR REPLACE TEMPORARY TABLE not_alike AS
SELECT r.*
FROM step_records AS r
LEFT JOIN alike_pairs AS p ON r.side = 'processor' AND r.seq = p.processor_seq
LEFT JOIN alike_pairs AS l ON r.side = 'ledger' AND r.seq = l.ledger_seq
WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL;

CREATE OR REPLACE TEMPORARY TABLE equal_pairs AS
SELECT
    max(CASE WHEN r.side = 'processor' THEN r.seq END) AS processor_seq,
    max(CASE WHEN r.side = 'ledger' THEN r.seq END) AS ledger_seq
FROM not_alike AS r
GROUP BY r.key, r.currency, r.amount_minor
HAVING
    sum(CASE WHEN r.side = 'processor' THEN 1 ELSE 0 END) = 1
    AND sum(CASE WHEN r.side = 'ledger' THEN 1 ELSE 0 END) = 1;

CREATE OR REPLACE TEMPORARY TABLE near_records AS
SELECT r.*
FROM not_alike AS r
LEFT JOIN equal_pairs AS p ON r.side = 'processor' AND r.seq = p.processor_seq
LEFT JOIN equal_pairs AS l ON r.side = 'ledger' AND r.seq = l.ledger_seq
WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL;
