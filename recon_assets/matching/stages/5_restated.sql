-- Transactions of the concluded answer before that are gone or changed in amount, currency, status or fee.
-- Records of one id and one instant stand in the order of their values: a feed may give them in any order.
-- Only ids of which not all is as it was are looked at (`changed_ids`): one that is there once before and once now, and
-- agrees, is left out, as a clean key is.
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
