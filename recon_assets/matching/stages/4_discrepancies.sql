-- Every record that found no equal counterpart gets exactly one class, the most serious that applies:
-- currency before amount before status; alone on its side: a duplicate if its id has another record there
-- that came before it or was matched, else missing on the other side.
--
-- `amount_minor` is signed: what this discrepancy adds to processor total minus ledger total in `currency`.
-- A currency mismatch adds its processor amount here and takes its ledger amount off in the ledger's currency.
CREATE TEMPORARY TABLE discrepancies AS
WITH sides AS (
    SELECT
        coalesce(p.transaction_id, l.transaction_id) AS transaction_id,
        CASE WHEN p.seq IS NULL THEN 'ledger' ELSE 'processor' END AS side,
        coalesce(p.occurrence, l.occurrence) AS occurrence,
        coalesce(p.currency, l.currency) AS currency,
        CASE
            WHEN p.seq IS NULL THEN -l.amount_minor
            WHEN l.seq IS NULL OR p.currency <> l.currency THEN p.amount_minor
            ELSE p.amount_minor - l.amount_minor
        END AS amount_minor,
        CASE
            WHEN p.seq IS NULL
                THEN CASE WHEN l.occurrence > 1 OR l.transaction_id IN (
                    SELECT c.transaction_id
                    FROM ledger_candidates AS c
                    INNER JOIN exact_pairs AS e ON c.seq = e.ledger_seq
                ) THEN 'duplicate_in_ledger' ELSE 'missing_at_processor' END
            WHEN l.seq IS NULL
                THEN CASE WHEN p.occurrence > 1 OR p.transaction_id IN (
                    SELECT c.transaction_id
                    FROM processor_candidates AS c
                    INNER JOIN exact_pairs AS e ON c.seq = e.processor_seq
                ) THEN 'duplicate_at_processor' ELSE 'missing_in_ledger' END
            WHEN p.currency <> l.currency THEN 'currency_mismatch'
            WHEN p.amount_minor <> l.amount_minor THEN 'amount_mismatch'
            ELSE 'status_mismatch'
        END AS class,
        p.amount_minor AS processor_amount_minor,
        p.currency AS processor_currency,
        p.status AS processor_status,
        p.seq AS processor_seq,
        p.raw_file AS processor_raw_file,
        p.record_number AS processor_record_number,
        l.amount_minor AS ledger_amount_minor,
        l.currency AS ledger_currency,
        l.status AS ledger_status,
        l.seq AS ledger_seq,
        l.raw_file AS ledger_raw_file,
        l.record_number AS ledger_record_number,
        coalesce(p.merchant_id, l.merchant_id) AS merchant_id,
        coalesce(p.reference_number, l.reference_number) AS reference_number,
        coalesce(p.fee_minor, l.fee_minor) AS fee_minor,
        coalesce(p.occurred_at, l.occurred_at) AS occurred_at
    FROM processor_left AS p
    FULL OUTER JOIN ledger_left AS l
        ON p.transaction_id = l.transaction_id AND p.left_rank = l.left_rank
)

SELECT
    md5(concat_ws(
        chr(31), run.processor, sides.side, sides.transaction_id, sides.currency, sides.occurrence
    )) AS discrepancy_id,
    sides.class,
    'discrepancy' AS outcome,
    classes.priority,
    sides.side,
    sides.transaction_id,
    cast(sides.occurrence AS integer) AS occurrence,
    sides.currency,
    sides.amount_minor,
    sides.processor_amount_minor,
    sides.processor_currency,
    sides.processor_status,
    sides.processor_seq,
    sides.processor_raw_file,
    sides.processor_record_number,
    sides.ledger_amount_minor,
    sides.ledger_currency,
    sides.ledger_status,
    sides.ledger_seq,
    sides.ledger_raw_file,
    sides.ledger_record_number,
    sides.merchant_id,
    sides.reference_number,
    sides.fee_minor,
    sides.occurred_at
FROM sides
CROSS JOIN run
INNER JOIN classes ON sides.class = classes.class;
