-- The records that stay alone on their day, with the id that they keep for life: what other days may still match.
-- Ids are not unique everywhere: two records with one transaction id are told apart by the order in which they happened
-- among all records of that id. `records_of_shared_ids` has every record whose id may be shared.
CREATE OR REPLACE TEMPORARY TABLE occurrences AS
SELECT
    r.side,
    r.seq,
    row_number() OVER (PARTITION BY r.side, r.shared_id ORDER BY r.occurred_at, r.seq) AS occurrence
FROM records_of_shared_ids AS r;

CREATE OR REPLACE TEMPORARY TABLE open_records AS
SELECT
    concat(
        substr(o.hash, 1, 8), '-', substr(o.hash, 9, 4), '-', substr(o.hash, 13, 4), '-', substr(o.hash, 17, 4), '-',
        substr(o.hash, 21, 12)
    ) AS discrepancy_id,
    o.business_date,
    o.side,
    o.seq,
    o.transaction_id,
    o.record_id,
    o.reference_number,
    o.order_id,
    o.payout_id,
    o.merchant_id,
    o.transaction_type,
    o.movement,
    o.currency,
    o.amount_minor,
    o.status
FROM (
    SELECT
        c.*,
        run.business_date,
        md5(concat_ws(
            chr(31), run.processor, c.side, c.transaction_id, c.currency, cast(coalesce(n.occurrence, 1) AS varchar)
        )) AS hash
    FROM left_records AS c
    CROSS JOIN run
    LEFT JOIN fates AS f ON c.side = f.side AND c.seq = f.seq
    LEFT JOIN occurrences AS n ON c.side = n.side AND c.seq = n.seq
    WHERE f.seq IS NULL
) AS o;
