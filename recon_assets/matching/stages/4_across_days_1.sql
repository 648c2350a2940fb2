-- Candidates of one step among the open records of several days, alike in key, currency, amount and status.
--
-- What has nothing alike on another day and the other side is left out before: on most days that is nearly all. Most of
-- the others are one record of each side. Where there are more, they stand in one order of days. The days that the
-- window of the step allows are next to a record's own, so it looks at its two nearest of the other side on earlier and
-- on later days, as among amounts.
CREATE OR REPLACE TEMPORARY TABLE alike_across_days AS
SELECT
    o.key,
    o.currency,
    o.amount_minor,
    o.status,
    count(*) AS records,
    max(CASE WHEN o.side = 'processor' THEN o.business_date END) AS processor_date,
    max(CASE WHEN o.side = 'processor' THEN o.discrepancy_id END) AS processor_discrepancy_id,
    max(CASE WHEN o.side = 'ledger' THEN o.business_date END) AS ledger_date,
    max(CASE WHEN o.side = 'ledger' THEN o.discrepancy_id END) AS ledger_discrepancy_id
FROM step_open_records AS o
GROUP BY o.key, o.currency, o.amount_minor, o.status
HAVING min(o.side) <> max(o.side) AND min(o.business_date) <> max(o.business_date);

CREATE OR REPLACE TEMPORARY TABLE alike_numbers AS
SELECT
    a.*,
    row_number() OVER (ORDER BY a.key, a.currency, a.amount_minor, a.status) AS alike_number
FROM alike_across_days AS a
WHERE a.records > 2;

CREATE OR REPLACE TEMPORARY TABLE days_ranked AS
SELECT
    r.side,
    r.business_date,
    r.discrepancy_id,
    r.currency,
    r.amount_minor,
    a.alike_number,
    row_number() OVER (
        PARTITION BY r.side, a.alike_number ORDER BY r.business_date, r.discrepancy_id
    ) AS own_rank,
    count(CASE WHEN r.side = 'ledger' THEN 1 END) OVER (
        PARTITION BY a.alike_number
        ORDER BY r.business_date RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS ledger_until,
    count(CASE WHEN r.side = 'processor' THEN 1 END) OVER (
        PARTITION BY a.alike_number
        ORDER BY r.business_date RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS processor_until,
    count(CASE WHEN r.side = 'ledger' THEN 1 END) OVER (
        PARTITION BY a.alike_number, r.business_date
    ) AS ledger_on_day,
    count(CASE WHEN r.side = 'processor' THEN 1 END) OVER (
        PARTITION BY a.alike_number, r.business_date
    ) AS processor_on_day
FROM step_open_records AS r
INNER JOIN alike_numbers AS a
    ON r.key = a.key AND r.currency = a.currency AND r.amount_minor = a.amount_minor AND r.status = a.status;

CREATE OR REPLACE TEMPORARY TABLE seen_across_days AS
SELECT
    a.processor_date,
    a.processor_discrepancy_id,
    a.ledger_date,
    a.ledger_discrepancy_id,
    a.currency,
    a.amount_minor
FROM alike_across_days AS a
WHERE a.records = 2
UNION ALL
SELECT
    p.business_date AS processor_date,
    p.discrepancy_id AS processor_discrepancy_id,
    l.business_date AS ledger_date,
    l.discrepancy_id AS ledger_discrepancy_id,
    p.currency,
    p.amount_minor
FROM days_ranked AS p
CROSS JOIN nearest AS n
-- the linter takes the tables of the other parts for these
-- noqa: disable=ST09
INNER JOIN days_ranked AS l
    ON
        p.alike_number = l.alike_number
        AND l.own_rank = (
            n.step_away + CASE WHEN n.step_away > 0 THEN p.ledger_until ELSE p.ledger_until - p.ledger_on_day END
        )
-- noqa: enable=ST09
WHERE p.side = 'processor' AND l.side = 'ledger'
UNION ALL
SELECT
    p.business_date AS processor_date,
    p.discrepancy_id AS processor_discrepancy_id,
    l.business_date AS ledger_date,
    l.discrepancy_id AS ledger_discrepancy_id,
    p.currency,
    p.amount_minor
FROM days_ranked AS l
CROSS JOIN nearest AS n
INNER JOIN days_ranked AS p
    ON
        l.alike_number = p.alike_number
        AND n.step_away
        + CASE WHEN n.step_away > 0 THEN l.processor_until ELSE l.processor_until - l.processor_on_day END
        = p.own_rank
WHERE p.side = 'processor' AND l.side = 'ledger';

CREATE OR REPLACE TEMPORARY TABLE candidates_across AS
SELECT DISTINCT
    s.place,
    s.pass,
    seen.processor_date,
    seen.processor_discrepancy_id,
    seen.ledger_date,
    seen.ledger_discrepancy_id,
    seen.currency,
    seen.amount_minor
FROM seen_across_days AS seen
INNER JOIN windows AS w ON seen.processor_date = w.processor_date
CROSS JOIN step AS s
WHERE seen.ledger_date BETWEEN w.first_ledger_date AND w.last_ledger_date AND seen.ledger_date <> seen.processor_date;
