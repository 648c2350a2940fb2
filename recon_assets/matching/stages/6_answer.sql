-- A row for every record that is alone and every match that is worth a word. `amount_minor` is signed: what the row
-- adds to processor total minus ledger total in `currency`. A currency mismatch adds its processor amount here and
-- takes its ledger amount off in the ledger's currency.
CREATE OR REPLACE TEMPORARY TABLE compared_pairs AS
SELECT
    m.pass,
    m.kind,
    m.processor_seq,
    m.ledger_seq,
    p.currency <> l.currency AS currency_differs,
    p.currency = l.currency AND p.amount_minor <> l.amount_minor AS amount_differs,
    p.status <> l.status AS status_differs,
    coalesce(p.currency = l.currency AND p.fee_minor IS NOT NULL AND CASE
        WHEN l.fee_minor IS NOT NULL THEN p.fee_minor <> l.fee_minor
        ELSE abs(p.fee_minor - p.expected_fee_minor) > run.fee_tolerance_minor
    END, FALSE) AS fee_differs,
    p.fee_minor - coalesce(l.fee_minor, p.expected_fee_minor) AS fee_difference_minor,
    coalesce(p.movement = 'unclassified', FALSE) AS is_unclassified
FROM pairs AS m
CROSS JOIN run
-- by side and number: by numbers alone DuckDB joins in a field with a place for each number between least and most
INNER JOIN careful_records AS p ON run.processor_side = p.side AND m.processor_seq = p.seq
INNER JOIN careful_records AS l ON run.ledger_side = l.side AND m.ledger_seq = l.seq
WHERE m.kind <> 'group'
UNION ALL
SELECT DISTINCT
    m.pass,
    m.kind,
    m.processor_seq,
    cast(NULL AS bigint) AS ledger_seq,
    FALSE AS currency_differs,
    FALSE AS amount_differs,
    FALSE AS status_differs,
    FALSE AS fee_differs,
    cast(NULL AS bigint) AS fee_difference_minor,
    TRUE AS is_unclassified
FROM pairs AS m
INNER JOIN careful_records AS p ON m.processor_seq = p.seq AND p.side = 'processor'
WHERE m.kind = 'group' AND p.movement = 'unclassified';

CREATE OR REPLACE TEMPORARY TABLE named_rows AS
SELECT
    CASE
        WHEN c.currency_differs THEN 'currency_mismatch'
        WHEN c.kind = 'differing' THEN 'amount_mismatch'
        WHEN c.status_differs THEN 'status_mismatch'
        WHEN c.fee_differs THEN 'fee_mismatch'
        WHEN c.amount_differs THEN 'matched_in_tolerance'
        ELSE 'unclassified'
    END AS class,
    'processor' AS side,
    c.processor_seq,
    c.ledger_seq,
    c.pass,
    nullif(concat_ws(
        ',',
        CASE WHEN c.currency_differs THEN 'currency' END,
        CASE WHEN c.amount_differs THEN 'amount' END,
        CASE WHEN c.status_differs THEN 'status' END,
        CASE WHEN c.fee_differs THEN 'fee' END
    ), '') AS differs,
    CASE WHEN c.fee_differs THEN c.fee_difference_minor END AS fee_difference_minor,
    cast(NULL AS date) AS due_on,
    cast(NULL AS date) AS counterpart_date
FROM compared_pairs AS c
WHERE c.currency_differs OR c.amount_differs OR c.status_differs OR c.fee_differs OR c.is_unclassified
UNION ALL
SELECT
    CASE
        WHEN f.fate = 'ambiguous' THEN 'ambiguous'
        WHEN f.side = 'processor' THEN 'duplicate_at_processor'
        ELSE 'duplicate_in_ledger'
    END AS class,
    f.side,
    CASE WHEN f.side = 'processor' THEN f.seq END AS processor_seq,
    CASE WHEN f.side = 'ledger' THEN f.seq END AS ledger_seq,
    cast(NULL AS varchar) AS pass,
    cast(NULL AS varchar) AS differs,
    cast(NULL AS bigint) AS fee_difference_minor,
    cast(NULL AS date) AS due_on,
    cast(NULL AS date) AS counterpart_date
FROM fates AS f
UNION ALL
SELECT
    CASE
        WHEN a.counterpart_date IS NOT NULL THEN 'matched_prior_day'
        WHEN o.side = 'processor' AND run.due_in_ledger > run.newest_date THEN 'pending_in_ledger'
        WHEN o.side = 'ledger' AND run.due_at_processor > run.newest_date THEN 'pending_at_processor'
        WHEN o.side = 'processor' THEN 'missing_in_ledger'
        ELSE 'missing_at_processor'
    END AS class,
    o.side,
    CASE WHEN o.side = 'processor' THEN o.seq END AS processor_seq,
    CASE WHEN o.side = 'ledger' THEN o.seq END AS ledger_seq,
    a.pass,
    cast(NULL AS varchar) AS differs,
    cast(NULL AS bigint) AS fee_difference_minor,
    CASE WHEN o.side = 'processor' THEN run.due_in_ledger ELSE run.due_at_processor END AS due_on,
    a.counterpart_date
FROM open_records AS o
CROSS JOIN run
LEFT JOIN (
    SELECT
        'processor' AS side,
        m.processor_date AS own_date,
        m.processor_discrepancy_id AS own_id,
        m.ledger_date AS counterpart_date,
        m.pass
    FROM across_days AS m
    UNION ALL
    SELECT
        'ledger' AS side,
        m.ledger_date AS own_date,
        m.ledger_discrepancy_id AS own_id,
        m.processor_date AS counterpart_date,
        m.pass
    FROM across_days AS m
) AS a ON o.side = a.side AND o.business_date = a.own_date AND o.discrepancy_id = a.own_id;

CREATE OR REPLACE TEMPORARY TABLE answer AS
SELECT
    concat(
        substr(h.hash, 1, 8), '-', substr(h.hash, 9, 4), '-', substr(h.hash, 13, 4), '-', substr(h.hash, 17, 4), '-',
        substr(h.hash, 21, 12)
    ) AS discrepancy_id,
    h.class,
    classes.outcome,
    classes.priority,
    h.side,
    h.transaction_id,
    h.occurrence,
    h.currency,
    CASE
        WHEN h.class = 'unclassified' THEN 0
        WHEN h.processor_amount_minor IS NULL THEN -h.ledger_amount_minor
        WHEN h.ledger_amount_minor IS NULL OR h.processor_currency <> h.ledger_currency THEN h.processor_amount_minor
        ELSE h.processor_amount_minor - h.ledger_amount_minor
    END AS amount_minor,
    h.pass,
    h.differs,
    h.due_on,
    h.counterpart_date,
    h.fee_difference_minor,
    h.processor_amount_minor,
    h.processor_currency,
    h.processor_status,
    h.processor_seq,
    h.processor_raw_file,
    h.processor_record_number,
    h.ledger_amount_minor,
    h.ledger_currency,
    h.ledger_status,
    h.ledger_seq,
    h.ledger_raw_file,
    h.ledger_record_number,
    h.merchant_id,
    h.reference_number,
    h.fee_minor,
    h.occurred_at
FROM (
    SELECT
        d.*,
        md5(concat_ws(
            chr(31), run.processor, d.own_side, d.transaction_id, d.currency, cast(d.occurrence AS varchar)
        )) AS hash
    FROM (
        SELECT
            n.class,
            n.side,
            n.pass,
            n.differs,
            n.due_on,
            n.counterpart_date,
            n.fee_difference_minor,
            CASE WHEN p.seq IS NULL THEN 'ledger' ELSE 'processor' END AS own_side,
            coalesce(p.transaction_id, l.transaction_id) AS transaction_id,
            cast(coalesce(o.occurrence, 1) AS integer) AS occurrence,
            coalesce(p.currency, l.currency) AS currency,
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
        FROM named_rows AS n
        LEFT JOIN careful_records AS p ON n.processor_seq = p.seq AND p.side = 'processor'
        LEFT JOIN careful_records AS l ON n.ledger_seq = l.seq AND l.side = 'ledger'
        LEFT JOIN occurrences AS o
            ON
                coalesce(n.processor_seq, n.ledger_seq) = o.seq
                AND CASE WHEN n.processor_seq IS NULL THEN 'ledger' ELSE 'processor' END = o.side
    ) AS d
    CROSS JOIN run
) AS h
INNER JOIN classes ON h.class = classes.class
UNION ALL
SELECT
    concat(
        substr(h.hash, 1, 8), '-', substr(h.hash, 9, 4), '-', substr(h.hash, 13, 4), '-', substr(h.hash, 17, 4), '-',
        substr(h.hash, 21, 12)
    ) AS discrepancy_id,
    classes.class,
    classes.outcome,
    classes.priority,
    'processor' AS side,
    h.transaction_id,
    cast(h.appearance AS integer) AS occurrence,
    h.currency,
    0 AS amount_minor,
    cast(NULL AS varchar) AS pass,
    h.differs,
    cast(NULL AS date) AS due_on,
    cast(NULL AS date) AS counterpart_date,
    cast(NULL AS bigint) AS fee_difference_minor,
    h.amount_minor AS processor_amount_minor,
    h.currency AS processor_currency,
    h.status AS processor_status,
    coalesce(h.seq_now, h.seq) AS processor_seq,
    h.raw_file AS processor_raw_file,
    h.record_number AS processor_record_number,
    cast(NULL AS bigint) AS ledger_amount_minor,
    cast(NULL AS varchar) AS ledger_currency,
    cast(NULL AS varchar) AS ledger_status,
    cast(NULL AS bigint) AS ledger_seq,
    cast(NULL AS varchar) AS ledger_raw_file,
    cast(NULL AS bigint) AS ledger_record_number,
    h.merchant_id,
    h.reference_number,
    h.fee_minor,
    h.occurred_at
FROM (
    SELECT
        r.*,
        md5(concat_ws(
            chr(31), 'restated', run.processor, coalesce(r.record_id, r.transaction_id), r.currency,
            cast(r.appearance AS varchar)
        )) AS hash
    FROM restated AS r
    CROSS JOIN run
) AS h
INNER JOIN classes ON classes.class = 'restated';
