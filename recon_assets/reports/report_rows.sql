-- The rows of the answer as people read them: amounts as exact decimal text, numbers like those of cards masked (the
-- view `shown_discrepancies`).
-- Times the unit of its currency, a decimal too, an amount has five places; the surplus of them is cut off. Nothing is
-- divided or rounded: 19 digits and 5 places are kept whole.
CREATE TEMPORARY MACRO decimal_text(minor, unit, surplus) AS
left(cast(cast(minor AS decimal(19, 0)) * unit AS varchar), -surplus);

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
    decimal_text(d.amount_minor, own.unit, own.surplus) AS amount,
    decimal_text(d.processor_amount_minor, processor.unit, processor.surplus) AS processor_amount,
    d.processor_currency,
    d.processor_status,
    decimal_text(d.ledger_amount_minor, ledger.unit, ledger.surplus) AS ledger_amount,
    d.ledger_currency,
    d.ledger_status,
    d.merchant_id,
    d.reference_number,
    decimal_text(d.fee_minor, own.unit, own.surplus) AS fee,
    strftime(d.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at,
    d.processor_raw_file,
    d.processor_record_number,
    d.ledger_raw_file,
    d.ledger_record_number,
    d.pass,
    d.differs,
    strftime(d.due_on, '%Y-%m-%d') AS due_on,
    strftime(d.counterpart_date, '%Y-%m-%d') AS counterpart_date,
    decimal_text(d.fee_difference_minor, own.unit, own.surplus) AS fee_difference
FROM shown_discrepancies AS d
LEFT JOIN currencies AS own ON d.currency = own.currency
LEFT JOIN currencies AS processor ON d.processor_currency = processor.currency
LEFT JOIN currencies AS ledger ON d.ledger_currency = ledger.currency
ORDER BY d.priority, d.class, d.transaction_id, d.side, d.occurrence, d.discrepancy_id;
