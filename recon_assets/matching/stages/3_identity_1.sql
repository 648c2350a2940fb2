-- A step whose differences are reported: the key is an identity, and what shares it belongs together.
-- First the records that are alike in everything, in the order in which they happened; then those that are the only
-- ones of their currency and amount on each side: a match with another status.
CREATE OR REPLACE TEMPORARY TABLE alike_ranked AS
SELECT
    a.side,
    a.seq,
    a.key,
    a.currency,
    a.amount_minor,
    a.status,
    a.occurred_at,
    CASE WHEN a.side = 'ledger' THEN a.place ELSE a.place - a.in_ledger END AS alike_rank,
    least(a.in_ledger, a.records - a.in_ledger) AS alike_pairs
FROM (
    SELECT
        r.*,
        -- the ledger's stand before the processor's
        row_number() OVER (
            PARTITION BY r.key, r.currency, r.amount_minor, r.status ORDER BY r.side, r.occurred_at, r.seq
        ) AS place,
        count(*) OVER (
            PARTITION BY r.key, r.currency, r.amount_minor, r.status ORDER BY r.side, r.occurred_at, r.seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS records,
        count(CASE WHEN r.side = 'ledger' THEN 1 END) OVER (
            PARTITION BY r.key, r.currency, r.amount_minor, r.status ORDER BY r.side, r.occurred_at, r.seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS in_ledger
    FROM step_records AS r
) AS a;

CREATE OR REPLACE TEMPORARY TABLE not_alike AS
SELECT r.*
FROM alike_ranked AS r
WHERE r.alike_rank > r.alike_pairs;

CREATE OR REPLACE TEMPORARY TABLE equal_pairs AS
SELECT
    r.key,
    r.currency,
    r.amount_minor,
    max(CASE WHEN r.side = 'processor' THEN r.seq END) AS processor_seq,
    max(CASE WHEN r.side = 'ledger' THEN r.seq END) AS ledger_seq
FROM not_alike AS r
GROUP BY r.key, r.currency, r.amount_minor
HAVING count(*) = 2 AND min(r.side) <> max(r.side);

CREATE OR REPLACE TEMPORARY TABLE near_records AS
SELECT r.*
FROM not_alike AS r
WHERE
    NOT EXISTS (
        SELECT 1 FROM equal_pairs AS e
        WHERE r.key = e.key AND r.currency = e.currency AND r.amount_minor = e.amount_minor
    );
