-- The keys of the first step that need a careful look: everything but "once on each side, same amount, same currency,
-- same status, same fee where fees are compared, and nothing to say about it".
--
-- One exact integer aggregate over both sides (`first_step_records`). `mark` is 1 for a transaction and 2 for a ledger
-- entry, beside four times the agreement code (currency and status packed in one integer); a transaction that is worth
-- a row although it matches has a bit beyond all codes. Two records whose marks are 3 when combined bit by bit are one
-- of each side with one code; two integers combined to 0 are equal. `is_plain`: at most one record on each side.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT
    b.key,
    count(*) = 1 OR (count(*) = 2 AND bit_xor(b.mark) % 4 = 3) AS is_plain
FROM first_step_records AS b
GROUP BY b.key
HAVING
    count(*) <> 2 OR bit_xor(b.mark) <> 3 OR bit_xor(b.amount_minor) <> 0 OR bit_xor(b.fee_minor) <> 0;
