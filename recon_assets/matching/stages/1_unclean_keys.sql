-- The keys of the first step that need a careful look: everything but "once on each side, same amount, same currency,
-- same status, same fee where fees are compared".
--
-- One exact integer aggregate over both sides (`first_step_records`). `mark` is 1 for a transaction and 2 for a ledger
-- entry, beside four times the agreement code (currency and status packed in one integer). Two records whose marks are
-- 3 when combined bit by bit are one of each side with one code; two integers combined to 0 are equal.
-- `remarkable_keys` have a record that is worth a row although it matches.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT b.key
FROM first_step_records AS b
GROUP BY b.key
HAVING
    count(*) <> 2 OR bit_xor(b.mark) <> 3 OR bit_xor(b.amount_minor) <> 0 OR bit_xor(b.fee_minor) <> 0
UNION ALL
SELECT r.key
FROM remarkable_keys AS r;
