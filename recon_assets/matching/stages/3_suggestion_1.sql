-- A step whose differences are left: the key only suggests. Records of equal amounts first; records without any such
-- counterpart may lie within the tolerance of one another.
CREATE OR REPLACE TEMPORARY TABLE equal_counted AS
SELECT
    r.*,
    sum(CASE WHEN r.side = 'processor' THEN 1 ELSE 0 END)
        OVER (PARTITION BY r.key, r.currency, r.amount_minor) AS at_processor,
    sum(CASE WHEN r.side = 'ledger' THEN 1 ELSE 0 END)
        OVER (PARTITION BY r.key, r.currency, r.amount_minor) AS in_ledger
FROM step_records AS r;

CREATE OR REPLACE TEMPORARY TABLE near_records AS
SELECT r.*
FROM equal_counted AS r
WHERE r.at_processor = 0 OR r.in_ledger = 0;
