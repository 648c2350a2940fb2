-- Who is the other's only candidate within the tolerance.
CREATE OR REPLACE TEMPORARY TABLE near_matches AS
SELECT
    c.processor_seq,
    c.ledger_seq
FROM (
    SELECT
        n.*,
        count(*) OVER (PARTITION BY n.processor_seq) AS of_processor,
        count(*) OVER (PARTITION BY n.ledger_seq) AS of_ledger
    FROM accepted AS n
) AS c
WHERE c.of_processor = 1 AND c.of_ledger = 1;
