-- The rows of the answer as people read them: amounts as exact decimal text, made from minor units without division.
CREATE TEMPORARY MACRO decimal_text(minor, places) AS
CASE
    WHEN minor IS NULL THEN NULL
    WHEN places = 0 THEN cast(minor AS varchar)
    ELSE
        CASE WHEN minor < 0 THEN '-' ELSE '' END
        || regexp_replace(
            lpad(
                cast(abs(cast(minor AS hugeint)) AS varchar),
                cast(greatest(places + 1, length(cast(abs(cast(minor AS hugeint)) AS varchar))) AS integer),
                '0'
            ),
            '^(\d+)(\d{' || cast(places AS varchar) || '})$',
            '\1.\2'
        )
END;

CREATE TEMPORARY VIEW report_rows AS
SELECT
    d.discrepancy_id,
    d.class,
    d.outcome,
    d.priority,
    d.side,
    d.transaction_id,
    d.occurrence,
    d.currency,
    decimal_text(d.amount_minor, own.exponent) AS amount,
    decimal_text(d.processor_amount_minor, processor.exponent) AS processor_amount,
    d.processor_currency,
    d.processor_status,
    decimal_text(d.ledger_amount_minor, ledger.exponent) AS ledger_amount,
    d.ledger_currency,
    d.ledger_status,
    d.merchant_id,
    d.reference_number,
    decimal_text(d.fee_minor, own.exponent) AS fee,
    strftime(d.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at,
    d.processor_raw_file,
    d.processor_record_number,
    d.ledger_raw_file,
    d.ledger_record_number,
    d.pass,
    d.differs,
    strftime(d.due_on, '%Y-%m-%d') AS due_on,
    strftime(d.counterpart_date, '%Y-%m-%d') AS counterpart_date,
    decimal_text(d.fee_difference_minor, own.exponent) AS fee_difference
FROM discrepancies AS d
LEFT JOIN currencies AS own ON d.currency = own.currency
LEFT JOIN currencies AS processor ON d.processor_currency = processor.currency
LEFT JOIN currencies AS ledger ON d.ledger_currency = ledger.currency
ORDER BY d.priority, d.class, d.transaction_id, d.side, d.occurrence;
