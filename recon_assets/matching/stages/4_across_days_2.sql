-- Each record's best candidates are those of the earliest step that gives any; who is the other's only best is matched.
-- Far from the day itself the open records of other days may be lacking: only matches of near days are told.
CREATE OR REPLACE TEMPORARY TABLE across_days AS
SELECT
    b.processor_date,
    b.processor_discrepancy_id,
    b.ledger_date,
    b.ledger_discrepancy_id,
    b.currency,
    b.amount_minor,
    b.pass
FROM (
    SELECT
        c.*,
        count(*) OVER (PARTITION BY c.processor_date, c.processor_discrepancy_id, c.place) AS of_processor,
        count(*) OVER (PARTITION BY c.ledger_date, c.ledger_discrepancy_id, c.place) AS of_ledger,
        min(c.place) OVER (PARTITION BY c.processor_date, c.processor_discrepancy_id) AS best_of_processor,
        min(c.place) OVER (PARTITION BY c.ledger_date, c.ledger_discrepancy_id) AS best_of_ledger
    FROM candidates_across AS c
) AS b
CROSS JOIN run
WHERE
    b.place = b.best_of_processor AND b.place = b.best_of_ledger AND b.of_processor = 1 AND b.of_ledger = 1
    AND b.processor_date BETWEEN run.chained_since AND run.chained_until
    AND b.ledger_date BETWEEN run.chained_since AND run.chained_until;
