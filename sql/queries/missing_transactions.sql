-- What is at the processor and not in our ledger, the largest amounts of each currency first.
SELECT
    transaction_date,
    processor_name,
    transaction_id,
    amount,
    currency,
    merchant_id
FROM missing_transactions
ORDER BY currency ASC, abs(amount) DESC, transaction_id ASC
LIMIT 100;
