-- Pairs of `near_records` whose amounts may lie within the tolerance of the step, without comparing all with all.
--
-- Within a key and currency both sides stand in one order of amount (equal amounts: ledger first). What lies within
-- the tolerance of an amount is next to it, so a record looks at its two nearest of the other side below and above:
-- enough to know whether it has none, one, or more than one candidate. The same from the other side, so that a pair
-- is seen if either sees it. What has nothing of the other side under its key and currency is left out before.
CREATE OR REPLACE TEMPORARY TABLE near_groups AS
SELECT
    r.key,
    r.currency
FROM near_records AS r
GROUP BY r.key, r.currency
HAVING min(r.side) <> max(r.side);

CREATE OR REPLACE TEMPORARY TABLE near_ranked AS
SELECT
    n.*,
    CASE WHEN n.side = 'ledger' THEN n.ledger_below ELSE n.processor_below END AS own_rank
FROM (
    SELECT
        r.side,
        r.seq,
        r.key,
        r.currency,
        r.amount_minor,
        count(CASE WHEN r.side = 'ledger' THEN 1 END) OVER (
            PARTITION BY r.key, r.currency
            ORDER BY r.amount_minor, r.side, r.seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS ledger_below,
        count(CASE WHEN r.side = 'processor' THEN 1 END) OVER (
            PARTITION BY r.key, r.currency
            ORDER BY r.amount_minor, r.side, r.seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS processor_below
    FROM near_records AS r
    INNER JOIN near_groups AS g ON r.key = g.key AND r.currency = g.currency
) AS n;

CREATE OR REPLACE TEMPORARY TABLE seen AS
SELECT
    p.seq AS processor_seq,
    l.seq AS ledger_seq,
    p.amount_minor AS processor_amount,
    l.amount_minor AS ledger_amount
FROM near_ranked AS p
CROSS JOIN nearest AS n
INNER JOIN near_ranked AS l
    ON
        p.key = l.key AND p.currency = l.currency AND l.side = 'ledger'
        AND l.own_rank = p.ledger_below + n.step_away
WHERE p.side = 'processor'
UNION
SELECT
    p.seq AS processor_seq,
    l.seq AS ledger_seq,
    p.amount_minor AS processor_amount,
    l.amount_minor AS ledger_amount
FROM near_ranked AS l
CROSS JOIN nearest AS n
INNER JOIN near_ranked AS p
    ON
        l.key = p.key AND l.currency = p.currency AND p.side = 'processor'
        AND l.processor_below + n.step_away = p.own_rank
WHERE l.side = 'ledger';
