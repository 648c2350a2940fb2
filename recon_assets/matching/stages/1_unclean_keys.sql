-- The keys that need a careful look: everything but "once on each side, same amount, same currency, same status".
--
-- One exact integer aggregate over both sides. A clean key has one record on each side (1 + 2^32), amounts that
-- cancel out, and agreement codes (currency and status packed in one integer) that cancel out.
CREATE TEMPORARY TABLE unclean_keys AS
SELECT transaction_id
FROM (
    SELECT
        transaction_id,
        cast(1 AS bigint) AS sides,
        amount_minor AS difference,
        agreement_code AS agreement
    FROM transactions
    UNION ALL
    SELECT
        transaction_id,
        cast(4294967296 AS bigint) AS sides,
        -amount_minor AS difference,
        -agreement_code AS agreement
    FROM ledger_entries
) AS both_sides
GROUP BY transaction_id
HAVING sum(sides) <> 4294967297 OR sum(difference) <> 0 OR sum(agreement) <> 0;
