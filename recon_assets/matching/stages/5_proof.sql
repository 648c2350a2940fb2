-- The two halves of the proof, per currency, from two different sources: the totals from every record of both frames,
-- the explanation from the discrepancies alone. They meet only if the matching lost and invented nothing.
CREATE TEMPORARY TABLE proof AS
WITH totals AS (
    SELECT
        currency,
        sum(at_processor) AS processor_transactions,
        sum(in_ledger) AS ledger_entries,
        sum(at_processor * amount_minor) AS processor_total_minor,
        sum(in_ledger * amount_minor) AS ledger_total_minor,
        sum(at_processor * abs(amount_minor)) AS volume_minor
    FROM (
        SELECT
            currency,
            amount_minor,
            1 AS at_processor,
            0 AS in_ledger
        FROM transactions
        UNION ALL
        SELECT
            currency,
            amount_minor,
            0 AS at_processor,
            1 AS in_ledger
        FROM ledger_entries
    ) AS both_sides
    GROUP BY currency
),

legs AS (
    SELECT
        currency,
        amount_minor,
        1 AS discrepancies
    FROM discrepancies
    UNION ALL
    SELECT
        ledger_currency AS currency,
        -ledger_amount_minor AS amount_minor,
        0 AS discrepancies
    FROM discrepancies
    WHERE class = 'currency_mismatch'
),

explained AS (
    SELECT
        currency,
        sum(amount_minor) AS signed_discrepancies_minor,
        sum(abs(amount_minor)) AS discrepancy_amount_minor,
        sum(discrepancies) AS discrepancy_count
    FROM legs
    GROUP BY currency
)

SELECT
    totals.currency,
    totals.processor_transactions,
    totals.ledger_entries,
    totals.processor_total_minor,
    totals.ledger_total_minor,
    totals.volume_minor,
    coalesce(explained.signed_discrepancies_minor, 0) AS signed_discrepancies_minor,
    coalesce(explained.discrepancy_amount_minor, 0) AS discrepancy_amount_minor,
    coalesce(explained.discrepancy_count, 0) AS discrepancy_count
FROM totals
LEFT JOIN explained ON totals.currency = explained.currency
ORDER BY totals.currency;
