-- A step whose differences are left: the key only suggests. Records of equal amounts first; records without any such
-- counterpart may lie within the tolerance of one another.
CREATE OR REPLACE TEMPORARY TABLE equal_amounts AS
SELECT
    r.key,
    r.currency,
    r.amount_minor,
    count(*) AS records,
    min(CASE WHEN r.side = 'processor' THEN r.seq END) AS first_at_processor,
    min(CASE WHEN r.side = 'ledger' THEN r.seq END) AS first_in_ledger
FROM step_records AS r
GROUP BY r.key, r.currency, r.amount_minor
HAVING min(r.side) <> max(r.side);

CREATE OR REPLACE TEMPORARY TABLE near_records AS
SELECT r.*
FROM step_records AS r
WHERE
    NOT EXISTS (
        SELECT 1 FROM equal_amounts AS e
        WHERE r.key = e.key AND r.currency = e.currency AND r.amount_minor = e.amount_minor
    );
