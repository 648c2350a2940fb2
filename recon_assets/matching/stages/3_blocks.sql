-- A step without keys. Records of one currency whose amounts lie in the same or a neighbouring band (`band_records`:
-- ledger entries stand in three bands) are put in order of time, once all together and once by merchant, and each looks
-- at its nearest of the other side. So the work grows with the records, however alike they are.
CREATE OR REPLACE TEMPORARY TABLE block_ranked AS
SELECT
    o.*,
    CASE WHEN o.side = 'ledger' THEN o.ledger_before ELSE o.processor_before END AS own_rank
FROM (
    SELECT
        b.side,
        b.seq,
        b.currency,
        b.amount_minor,
        b.band,
        b.neighbourhood,
        count(CASE WHEN b.side = 'ledger' THEN 1 END) OVER (
            PARTITION BY b.neighbourhood, b.currency, b.band
            ORDER BY b.occurred_at, b.side, b.seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS ledger_before,
        count(CASE WHEN b.side = 'processor' THEN 1 END) OVER (
            PARTITION BY b.neighbourhood, b.currency, b.band
            ORDER BY b.occurred_at, b.side, b.seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS processor_before
    FROM (
        SELECT
            r.*,
            '' AS neighbourhood
        FROM band_records AS r
        UNION ALL
        SELECT
            r.*,
            concat('merchant ', r.merchant_id) AS neighbourhood
        FROM band_records AS r
        WHERE r.merchant_id IS NOT NULL
    ) AS b
) AS o;

CREATE OR REPLACE TEMPORARY TABLE seen AS
SELECT n.*
FROM (
    SELECT
        p.seq AS processor_seq,
        l.seq AS ledger_seq,
        p.amount_minor AS processor_amount,
        l.amount_minor AS ledger_amount
    FROM block_ranked AS p
    CROSS JOIN nearest_in_time AS n
    -- the linter takes the tables of the second half for these
    -- noqa: disable=ST09
    INNER JOIN block_ranked AS l
        ON
            p.neighbourhood = l.neighbourhood AND p.currency = l.currency AND p.band = l.band
            AND p.ledger_before + n.step_away = l.own_rank
    -- noqa: enable=ST09
    WHERE p.side = 'processor' AND l.side = 'ledger'
    UNION
    SELECT
        p.seq AS processor_seq,
        l.seq AS ledger_seq,
        p.amount_minor AS processor_amount,
        l.amount_minor AS ledger_amount
    FROM block_ranked AS l
    CROSS JOIN nearest_in_time AS n
    INNER JOIN block_ranked AS p
        ON
            l.neighbourhood = p.neighbourhood AND l.currency = p.currency AND l.band = p.band
            AND l.processor_before + n.step_away = p.own_rank
    WHERE p.side = 'processor' AND l.side = 'ledger'
) AS n
CROSS JOIN step AS s
WHERE
    abs(cast(n.processor_amount AS decimal(38, 0)) - cast(n.ledger_amount AS decimal(38, 0))) <= s.amount_band_minor;
