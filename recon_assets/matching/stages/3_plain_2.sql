-- What each plain pair is, in the same words as among several records of one key (`3_identity_2`).
CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    CASE
        WHEN p.is_same_currency AND p.processor_amount = p.ledger_amount AND p.is_same_status THEN 'alike'
        WHEN p.is_same_currency AND p.processor_amount = p.ledger_amount THEN 'equal'
        WHEN n.processor_seq IS NOT NULL THEN 'near'
        ELSE 'differing'
    END AS what,
    p.processor_seq AS match_no,
    p.processor_seq,
    p.ledger_seq,
    cast(NULL AS integer) AS score
FROM plain_pairs AS p
LEFT JOIN accepted AS n ON p.processor_seq = n.processor_seq;
