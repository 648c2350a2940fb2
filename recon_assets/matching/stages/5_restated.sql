-- Transactions of the concluded answer before that are gone or changed in amount, currency, status or fee.
-- Records of one id and one instant stand in the order of their values: a feed may give them in any order.
--
-- First the ids of which not all is as it was, found as in `1_unclean_keys`: an id is as it was when it is there once
-- before and once now and both agree. Only the records of the others are put in order and compared.
CREATE OR REPLACE TEMPORARY TABLE changed_ids AS
SELECT r.id
FROM (
    SELECT
        coalesce(b.record_id, b.transaction_id) AS id,
        b.agreement_code,
        b.amount_minor,
        b.fee_minor,
        cast(1 AS tinyint) AS mark
    FROM concluded_transactions AS b
    UNION ALL
    SELECT
        coalesce(a.record_id, a.transaction_id) AS id,
        a.agreement_code,
        a.amount_minor,
        a.fee_minor,
        cast(2 AS tinyint) AS mark
    FROM transactions AS a
) AS r
WHERE r.id IS NOT NULL
GROUP BY r.id
HAVING
    count(*) <> 2 OR bit_xor(r.mark) <> 3
    OR min(r.agreement_code) <> max(r.agreement_code) OR min(r.amount_minor) <> max(r.amount_minor)
    OR min(r.fee_minor) <> max(r.fee_minor) OR count(r.fee_minor) = 1;

CREATE OR REPLACE TEMPORARY TABLE restated AS
SELECT
    b.*,
    a.seq AS seq_now,
    concat_ws(
        ',',
        CASE WHEN a.seq IS NULL THEN 'gone' END,
        CASE WHEN a.currency <> b.currency THEN 'currency' END,
        CASE WHEN a.amount_minor <> b.amount_minor THEN 'amount' END,
        CASE WHEN a.status <> b.status THEN 'status' END,
        CASE WHEN a.seq IS NOT NULL AND a.fee_minor IS DISTINCT FROM b.fee_minor THEN 'fee' END
    ) AS differs
FROM (
    SELECT
        t.*,
        row_number() OVER (
            PARTITION BY c.id
            ORDER BY t.occurred_at, t.currency, t.amount_minor, t.status, t.fee_minor, t.seq
        ) AS appearance
    FROM concluded_transactions AS t
    INNER JOIN changed_ids AS c ON coalesce(t.record_id, t.transaction_id) = c.id
) AS b
LEFT JOIN (
    SELECT
        c.id,
        t.seq,
        t.currency,
        t.amount_minor,
        t.status,
        t.fee_minor,
        row_number() OVER (
            PARTITION BY c.id
            ORDER BY t.occurred_at, t.currency, t.amount_minor, t.status, t.fee_minor, t.seq
        ) AS appearance
    FROM transactions AS t
    INNER JOIN changed_ids AS c ON coalesce(t.record_id, t.transaction_id) = c.id
) AS a
    ON coalesce(b.record_id, b.transaction_id) = a.id AND b.appearance = a.appearance
WHERE
    a.seq IS NULL OR a.currency <> b.currency OR a.amount_minor <> b.amount_minor OR a.status <> b.status
    OR a.fee_minor IS DISTINCT FROM b.fee_minor;
