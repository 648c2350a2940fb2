-- The keys of the first step that need a careful look, where they are not found by a join: everything but "once on each
-- side, same amount, same currency, same status, same fee where fees are compared, and nothing to say about it".
--
-- One exact aggregate over both sides: records are put together that agree in the key and in three integers. `mark` is
-- 1 for a transaction and 2 for a ledger entry: two of them whose marks are 3 when combined bit by bit are one of each
-- side. A key is clean when this is all that there is of it: what differs, is alone or is there more than twice stands
-- in a group that is something else.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT DISTINCT g.key
FROM (
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
            e.key,
            e.agreement,
            e.amount_minor,
            e.fee_minor,
            cast(2 AS tinyint) AS mark
        FROM compared_ledger_entries AS e
    ) AS b
    GROUP BY b.key, b.agreement, b.amount_minor, b.fee_minor
    HAVING count(*) <> 2 OR bit_xor(b.mark) <> 3
) AS g
WHERE g.key IS NOT NULL;
