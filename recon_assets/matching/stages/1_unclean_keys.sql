-- The keys of the first step that need a careful look: everything but "once on each side, same amount, same currency,
-- same status, same fee where fees are compared".
--
-- One exact integer aggregate over both sides (`first_step_records`). A clean key has one record on each side
-- (1 + 2^32), amounts that cancel out, agreement codes (currency and status packed in one integer) that cancel out.
-- `remarkable_keys` have a record that is worth a row although it matches.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT key
FROM first_step_records
GROUP BY key
HAVING
    sum(sides) <> 4294967297 OR sum(amount_minor) <> 0 OR sum(agreement_code) <> 0 OR sum(fee_minor) <> 0
    OR key IS NULL
UNION
SELECT key FROM remarkable_keys;
