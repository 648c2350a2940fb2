-- The first step, where its key is an identity that has at most one record on each side: there is nothing to choose
-- between, so each pair is a match. First the pairs, and whether they are within the tolerance is asked as of all.
CREATE OR REPLACE TEMPORARY TABLE plain_pairs AS
SELECT
    p.seq AS processor_seq,
    l.seq AS ledger_seq,
    p.currency = l.currency AS is_same_currency,
    p.amount_minor AS processor_amount,
    l.amount_minor AS ledger_amount,
    p.status = l.status AS is_same_status
FROM careful_records AS p
INNER JOIN careful_records AS l ON p.key = l.key
LEFT JOIN crowded_keys AS k ON p.key = k.key
WHERE p.side = 'processor' AND l.side = 'ledger' AND k.key IS NULL;

CREATE OR REPLACE TEMPORARY TABLE seen AS
SELECT
    p.processor_seq,
    p.ledger_seq,
    p.processor_amount,
    p.ledger_amount
FROM plain_pairs AS p
WHERE p.is_same_currency AND p.processor_amount <> p.ledger_amount;
