-- The keys of the first step that need a careful look, where they are not found by a join: everything but "once on each
-- side, same amount, same currency, same status, same fee where fees are compared, and nothing to say about it".
--
-- One exact aggregate over both sides. `mark` is 1 for a transaction and 2 for what it is compared with: two records
-- whose marks are 3 when combined bit by bit are one of each side, and they agree when of every value the least is the
-- largest.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT b.key
FROM (
    SELECT
        t.key,
        t.agreement,
        t.amount_minor,
        t.fee_minor,
        cast(1 AS tinyint) AS mark
    FROM compared_transactions AS t
    UNION ALL
    SELECT
        o.key,
        o.agreement,
        o.amount_minor,
        o.fee_minor,
        cast(2 AS tinyint) AS mark
    FROM compared_others AS o
) AS b
WHERE b.key IS NOT NULL
GROUP BY b.key
HAVING
    count(*) <> 2 OR bit_xor(b.mark) <> 3
    OR min(b.agreement) <> max(b.agreement) OR min(b.amount_minor) <> max(b.amount_minor)
    OR min(b.fee_minor) <> max(b.fee_minor);
