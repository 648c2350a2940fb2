-- Pairing the candidates: first those that agree in everything, then what is left with the same id, the first left
-- with the first left. Each record is in at most one pair.
CREATE TEMPORARY TABLE exact_pairs AS
SELECT
    p.seq AS processor_seq,
    l.seq AS ledger_seq
FROM processor_candidates AS p
INNER JOIN ledger_candidates AS l
    ON
        p.transaction_id = l.transaction_id
        AND p.currency = l.currency
        AND p.amount_minor = l.amount_minor
        AND p.status = l.status
        AND p.exact_rank = l.exact_rank;

CREATE TEMPORARY TABLE processor_left AS
SELECT
    p.*,
    row_number() OVER (
        PARTITION BY p.transaction_id ORDER BY p.occurred_at, p.seq
    ) AS left_rank
FROM processor_candidates AS p
WHERE p.seq NOT IN (SELECT exact_pairs.processor_seq FROM exact_pairs);

CREATE TEMPORARY TABLE ledger_left AS
SELECT
    l.*,
    row_number() OVER (
        PARTITION BY l.transaction_id ORDER BY l.occurred_at, l.seq
    ) AS left_rank
FROM ledger_candidates AS l
WHERE l.seq NOT IN (SELECT exact_pairs.ledger_seq FROM exact_pairs);
