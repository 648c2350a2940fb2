-- The records of the unclean keys, each side with its occurrence number: ids are not unique everywhere, and two
-- records with one id are told apart by the order in which they happened.
--
-- `exact_rank` numbers the records that are alike in id, currency, amount and status.
CREATE TEMPORARY TABLE processor_candidates AS
SELECT
    transactions.*,
    row_number() OVER (
        PARTITION BY transactions.transaction_id ORDER BY transactions.occurred_at, transactions.seq
    ) AS occurrence,
    row_number() OVER (
        PARTITION BY transactions.transaction_id, transactions.currency, transactions.amount_minor, transactions.status
        ORDER BY transactions.occurred_at, transactions.seq
    ) AS exact_rank
FROM transactions
WHERE transactions.transaction_id IN (SELECT unclean_keys.transaction_id FROM unclean_keys);

CREATE TEMPORARY TABLE ledger_candidates AS
SELECT
    ledger_entries.*,
    row_number() OVER (
        PARTITION BY ledger_entries.transaction_id ORDER BY ledger_entries.occurred_at, ledger_entries.seq
    ) AS occurrence,
    row_number() OVER (
        PARTITION BY
            ledger_entries.transaction_id, ledger_entries.currency, ledger_entries.amount_minor, ledger_entries.status
        ORDER BY ledger_entries.occurred_at, ledger_entries.seq
    ) AS exact_rank
FROM ledger_entries
WHERE ledger_entries.transaction_id IN (SELECT unclean_keys.transaction_id FROM unclean_keys);
