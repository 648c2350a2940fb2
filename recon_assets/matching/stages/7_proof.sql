-- The two halves of the proof, per currency, from two different sources: the totals from every record of both frames,
-- the explanation from the rows alone. They meet only if the matching lost and invented nothing. Amounts have 64
-- bits, and their sums 128.
CREATE OR REPLACE TEMPORARY TABLE proof AS
WITH at_processor AS (
    SELECT
        currency,
        count(*) AS records,
        sum(amount_minor) AS total_minor,
        sum(CASE WHEN amount_minor < 0 THEN amount_minor END) AS negative_minor
    FROM transactions
    GROUP BY currency
),

in_ledger AS (
    SELECT
        currency,
        count(*) AS records,
        sum(amount_minor) AS total_minor
    FROM ledger_entries
    GROUP BY currency
),

totals AS (
    SELECT
        coalesce(p.currency, l.currency) AS currency,
        coalesce(p.records, 0) AS processor_transactions,
        coalesce(l.records, 0) AS ledger_entries,
        coalesce(p.total_minor, 0) AS processor_total_minor,
        coalesce(l.total_minor, 0) AS ledger_total_minor,
        coalesce(p.total_minor - 2 * coalesce(p.negative_minor, 0), 0) AS volume_minor
    FROM at_processor AS p
    FULL OUTER JOIN in_ledger AS l ON p.currency = l.currency
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
