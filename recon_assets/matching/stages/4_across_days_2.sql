-- Each record's best candidates are those of the earliest step that gives any; who is the other's only best is matched.
-- Far from the day itself the open records of other days may be lacking: only matches of near days are told.
CREATE OR REPLACE TEMPORARY TABLE of_processor AS
SELECT
    s.processor_date,
    s.processor_discrepancy_id,
    min(s.place) AS best,
    min_by(s.candidates, s.place) AS candidates
FROM (
    SELECT
        c.processor_date,
        c.processor_discrepancy_id,
        c.place,
        count(*) AS candidates
    FROM candidates_across AS c
    GROUP BY c.processor_date, c.processor_discrepancy_id, c.place
) AS s
GROUP BY s.processor_date, s.processor_discrepancy_id;

CREATE OR REPLACE TEMPORARY TABLE of_ledger AS
SELECT
    s.ledger_date,
    s.ledger_discrepancy_id,
    min(s.place) AS best,
    min_by(s.candidates, s.place) AS candidates
FROM (
    SELECT
        c.ledger_date,
        c.ledger_discrepancy_id,
        c.place,
        count(*) AS candidates
    FROM candidates_across AS c
    GROUP BY c.ledger_date, c.ledger_discrepancy_id, c.place
) AS s
GROUP BY s.ledger_date, s.ledger_discrepancy_id;

CREATE OR REPLACE TEMPORARY TABLE across_days AS
SELECT
    c.processor_date,
    c.processor_discrepancy_id,
    c.ledger_date,
    c.ledger_discrepancy_id,
    c.currency,
    c.amount_minor,
    c.pass
FROM candidates_across AS c
CROSS JOIN run
INNER JOIN of_processor AS p
    ON
        c.processor_date = p.processor_date AND c.processor_discrepancy_id = p.processor_discrepancy_id
        AND c.place = p.best
INNER JOIN of_ledger AS l
    ON c.ledger_date = l.ledger_date AND c.ledger_discrepancy_id = l.ledger_discrepancy_id AND c.place = l.best
WHERE
    p.candidates = 1 AND l.candidates = 1
    AND c.processor_date BETWEEN run.chained_since AND run.chained_until
    AND c.ledger_date BETWEEN run.chained_since AND run.chained_until;
