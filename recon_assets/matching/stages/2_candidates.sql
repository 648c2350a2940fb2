-- The records of the unclean keys, each side with its occurrence number: ids are not unique everywhere, and two
-- records with one id are told apart by the order in which they happened.
--
-- `exact_rank` numbers the records that are alike in id, currency, amount and status.
CREATE TEMPORARY TABLE processor_candidates AS
SELECT
    transactions.*,
    row_number() OVER (
        PARTITION BY transaction_id ORDER BY occurred_at, seq
    ) AS occurrence,
    row_number() OVER (
        PARTITION BY transaction_id, currency, amount_minor, status ORDER BY occurred_at, seq
    ) AS exact_rank
FROM transactions
WHERE transaction_id IN (SELECT unclean_keys.transaction_id FROM unclean_keys);

CREATE TEMPORARY TABLE ledger_candidates AS
SELECT
    ledger_entries.*,
    row_number() OVER (
        PARTITION BY transaction_id ORDER BY occurred_at, seq
    ) AS occurrence,
    row_number() OVER (
        PARTITION BY transaction_id, currency, amount_minor, status ORDER BY occurred_at, seq
    ) AS exact_rank
FROM ledger_entries
WHERE transaction_id IN (SELECT unclean_keys.transaction_id FROM unclean_keys);
