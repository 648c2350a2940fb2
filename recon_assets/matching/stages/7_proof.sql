-- The two halves of the proof, per currency, from two different sources: the totals from every record of both frames,
-- the explanation from the rows alone. They meet only if the matching lost and invented nothing.
CREATE OR REPLACE TEMPORARY TABLE proof AS
WITH totals AS (
    SELECT
        currency,
        sum(at_processor) AS processor_transactions,
        sum(in_ledger) AS ledger_entries,
        sum(cast(at_processor * amount_minor AS decimal(38, 0))) AS processor_total_minor,
        sum(cast(in_ledger * amount_minor AS decimal(38, 0))) AS ledger_total_minor,
        sum(cast(at_processor * abs(amount_minor) AS decimal(38, 0))) AS volume_minor
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
        outcome,
        1 AS counted
    FROM answer
    UNION ALL
    SELECT
        ledger_currency AS currency,
        -ledger_amount_minor AS amount_minor,
        outcome,
        0 AS counted
    FROM answer
    WHERE class = 'currency_mismatch'
),

explained AS (
    SELECT
        currency,
        sum(cast(amount_minor AS decimal(38, 0))) AS signed_discrepancies_minor,
        sum(CASE WHEN outcome = 'discrepancy' THEN counted ELSE 0 END) AS discrepancy_count,
        sum(CASE WHEN outcome = 'discrepancy' THEN abs(cast(amount_minor AS decimal(38, 0))) ELSE 0 END)
            AS discrepancy_amount_minor,
        sum(CASE WHEN outcome = 'pending' THEN counted ELSE 0 END) AS pending_count,
        sum(CASE WHEN outcome = 'pending' THEN abs(cast(amount_minor AS decimal(38, 0))) ELSE 0 END)
            AS pending_amount_minor
    FROM legs
    GROUP BY currency
)

SELECT
    coalesce(totals.currency, explained.currency) AS currency,
    coalesce(totals.processor_transactions, 0) AS processor_transactions,
    coalesce(totals.ledger_entries, 0) AS ledger_entries,
    coalesce(totals.processor_total_minor, 0) AS processor_total_minor,
    coalesce(totals.ledger_total_minor, 0) AS ledger_total_minor,
    coalesce(explained.signed_discrepancies_minor, 0) AS signed_discrepancies_minor,
    coalesce(explained.discrepancy_count, 0) AS discrepancy_count,
    coalesce(explained.discrepancy_amount_minor, 0) AS discrepancy_amount_minor,
    coalesce(totals.volume_minor, 0) AS volume_minor,
    coalesce(explained.pending_count, 0) AS pending_count,
    coalesce(explained.pending_amount_minor, 0) AS pending_amount_minor
FROM totals
FULL OUTER JOIN explained ON totals.currency = explained.currency;
