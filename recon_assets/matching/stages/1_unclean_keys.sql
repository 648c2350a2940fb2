-- The keys of the first step that need a careful look: everything but "once on each side, same amount, same currency,
-- same status, same fee where fees are compared, and nothing to say about it".
--
-- One exact aggregate over both sides (`first_step_records`): records are put together that agree in the key and in
-- three integers. `agreement` is currency and status packed in one; a transaction that is worth a row although it
-- matches has a bit beyond all codes, so that nothing agrees with it. `mark` is 1 for a transaction and 2 for a ledger
-- entry: two of them whose marks are 3 when combined bit by bit are one of each side. A key is clean when this is all
-- that there is of it: what differs, is alone or is there more than twice stands in a group that is something else.
CREATE OR REPLACE TEMPORARY TABLE unclean_keys AS
SELECT DISTINCT g.key
FROM (
    SELECT b.key
    FROM first_step_records AS b
    GROUP BY b.key, b.agreement, b.amount_minor, b.fee_minor
    HAVING count(*) <> 2 OR bit_xor(b.mark) <> 3
) AS g
WHERE g.key IS NOT NULL;
