-- The records that stay alone on their day, with the id that they keep for life: what other days may still match.
-- Ids are not unique everywhere: two records with one transaction id are told apart by the order in which they happened
-- among all records of that id. `records_of_shared_ids` has every record whose id may be shared.
CREATE OR REPLACE TEMPORARY TABLE occurrences AS
SELECT
    r.side,
    r.seq,
    row_number() OVER (PARTITION BY r.side, r.transaction_id ORDER BY r.occurred_at, r.seq) AS occurrence
FROM records_of_shared_ids AS r;

CREATE OR REPLACE TEMPORARY TABLE identified_records AS
SELECT
    h.*,
    concat(
        substr(h.hash, 1, 8), '-', substr(h.hash, 9, 4), '-', substr(h.hash, 13, 4), '-', substr(h.hash, 17, 4), '-',
        substr(h.hash, 21, 12)
    ) AS discrepancy_id
FROM (
    SELECT
        c.*,
        coalesce(o.occurrence, 1) AS occurrence,
        md5(concat_ws(
            chr(31), run.processor, c.side, c.transaction_id, c.currency, cast(coalesce(o.occurrence, 1) AS varchar)
        )) AS hash
    FROM careful_records AS c
    LEFT JOIN occurrences AS o ON c.side = o.side AND c.seq = o.seq
    CROSS JOIN run
) AS h;

CREATE OR REPLACE TEMPORARY TABLE open_records AS
SELECT
    i.discrepancy_id,
    run.business_date,
    i.side,
    i.seq,
    i.transaction_id,
    i.record_id,
    i.reference_number,
    i.order_id,
    i.payout_id,
    i.merchant_id,
    i.transaction_type,
    i.movement,
    i.currency,
    i.amount_minor,
    i.status
FROM identified_records AS i
CROSS JOIN run
INNER JOIN left_records AS l ON i.side = l.side AND i.seq = l.seq
LEFT JOIN fates AS f ON i.side = f.side AND i.seq = f.seq
WHERE f.seq IS NULL;

CREATE OR REPLACE TEMPORARY TABLE across_days AS
SELECT
    cast(NULL AS date) AS processor_date,
    cast(NULL AS varchar) AS processor_discrepancy_id,
    cast(NULL AS date) AS ledger_date,
    cast(NULL AS varchar) AS ledger_discrepancy_id,
    cast(NULL AS varchar) AS currency,
    cast(NULL AS bigint) AS amount_minor,
    cast(NULL AS varchar) AS pass
FROM run
WHERE FALSE;

CREATE OR REPLACE TEMPORARY TABLE candidates_across AS
SELECT
    cast(NULL AS integer) AS place,
    cast(NULL AS varchar) AS pass,
    cast(NULL AS date) AS processor_date,
    cast(NULL AS varchar) AS processor_discrepancy_id,
    cast(NULL AS date) AS ledger_date,
    cast(NULL AS varchar) AS ledger_discrepancy_id,
    cast(NULL AS varchar) AS currency,
    cast(NULL AS bigint) AS amount_minor
FROM run
WHERE FALSE;
