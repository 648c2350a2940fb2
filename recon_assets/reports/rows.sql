-- The rows of the answer as people read them: amounts as exact decimal text, made from minor units without division;
-- numbers like those of cards masked (the table `masks`).
-- No regular expression: one that depends on the row is compiled anew for each.
CREATE TEMPORARY MACRO with_point(digits, places) AS
left(digits, length(digits) - places) || '.' || right(digits, places);

CREATE TEMPORARY MACRO unsigned_digits(minor, places) AS
lpad(
    ltrim(cast(minor AS varchar), '-'),
    cast(greatest(places + 1, length(ltrim(cast(minor AS varchar), '-'))) AS integer),
    '0'
);

CREATE TEMPORARY MACRO decimal_text(minor, places) AS
CASE
    WHEN minor IS NULL THEN NULL
    WHEN places = 0 THEN cast(minor AS varchar)
    ELSE CASE WHEN minor < 0 THEN '-' ELSE '' END || with_point(unsigned_digits(minor, places), places)
END;

CREATE TEMPORARY VIEW report_rows AS
SELECT
    d.discrepancy_id,
    d.class,
    d.outcome,
    d.priority,
    d.side,
    coalesce(mask_of_transaction_id.shown, d.transaction_id) AS transaction_id,
    d.occurrence,
    d.currency,
    decimal_text(d.amount_minor, own.exponent) AS amount,
    decimal_text(d.processor_amount_minor, processor.exponent) AS processor_amount,
    d.processor_currency,
    d.processor_status,
    decimal_text(d.ledger_amount_minor, ledger.exponent) AS ledger_amount,
    d.ledger_currency,
    d.ledger_status,
    coalesce(mask_of_merchant_id.shown, d.merchant_id) AS merchant_id,
    coalesce(mask_of_reference_number.shown, d.reference_number) AS reference_number,
    decimal_text(d.fee_minor, own.exponent) AS fee,
    strftime(d.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at,
    coalesce(mask_of_processor_raw_file.shown, d.processor_raw_file) AS processor_raw_file,
    d.processor_record_number,
    coalesce(mask_of_ledger_raw_file.shown, d.ledger_raw_file) AS ledger_raw_file,
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
LEFT JOIN masks AS mask_of_transaction_id ON d.transaction_id = mask_of_transaction_id.plain
LEFT JOIN masks AS mask_of_merchant_id ON d.merchant_id = mask_of_merchant_id.plain
LEFT JOIN masks AS mask_of_reference_number ON d.reference_number = mask_of_reference_number.plain
LEFT JOIN masks AS mask_of_processor_raw_file ON d.processor_raw_file = mask_of_processor_raw_file.plain
LEFT JOIN masks AS mask_of_ledger_raw_file ON d.ledger_raw_file = mask_of_ledger_raw_file.plain
ORDER BY d.priority, d.class, d.transaction_id, d.side, d.occurrence;

-- For spreadsheets: a text that would be taken for a formula gets an apostrophe. It may hide behind blanks, and where
-- full-width signs are typed they start a formula too. Numbers are not touched, negative ones neither.
CREATE TEMPORARY MACRO harmless(text) AS
CASE
    WHEN regexp_matches(text, '^[\s\x0b\x1c-\x1f\x{85}\p{Z}\x{FEFF}]*[=+\-@\t\r＝＋－＠]') THEN '''' || text
    ELSE text
END;

CREATE TEMPORARY VIEW spreadsheet_rows AS
SELECT
    * REPLACE (
        harmless(transaction_id) AS transaction_id,
        harmless(merchant_id) AS merchant_id,
        harmless(reference_number) AS reference_number,
        harmless(processor_raw_file) AS processor_raw_file,
        harmless(ledger_raw_file) AS ledger_raw_file,
        harmless(pass) AS pass
    )
FROM report_rows;
