-- The rows of `joined_keys` whose records need a careful look, where some record is in several rows: then its key is
-- there more than once on the other side. All records of such a key are in rows of that kind.
--
-- A million numbers are not grouped for the few that are repeated. In a group of 16 neighbours each number sets a bit
-- of its own, so that there are more rows than bits only where one is repeated, and only those groups are looked at.
CREATE OR REPLACE TEMPORARY TABLE repeated_transactions AS
SELECT j.processor_seq AS seq
FROM joined_keys AS j
INNER JOIN (
    SELECT n.processor_seq >> 4 AS neighbours
    FROM joined_keys AS n
    WHERE n.processor_seq IS NOT NULL
    GROUP BY n.processor_seq >> 4
    HAVING count(*) > bit_count(bit_or(1 << cast(n.processor_seq & 15 AS integer)))
) AS g ON j.processor_seq >> 4 = g.neighbours
GROUP BY j.processor_seq
HAVING count(*) > 1;

CREATE OR REPLACE TEMPORARY TABLE repeated_ledger_entries AS
SELECT j.ledger_seq AS seq
FROM joined_keys AS j
INNER JOIN (
    SELECT n.ledger_seq >> 4 AS neighbours
    FROM joined_keys AS n
    WHERE n.ledger_seq IS NOT NULL
    GROUP BY n.ledger_seq >> 4
    HAVING count(*) > bit_count(bit_or(1 << cast(n.ledger_seq & 15 AS integer)))
) AS g ON j.ledger_seq >> 4 = g.neighbours
GROUP BY j.ledger_seq
HAVING count(*) > 1;

CREATE OR REPLACE TEMPORARY TABLE unclean_rows AS
SELECT
    j.processor_seq,
    j.ledger_seq
FROM joined_keys AS j
WHERE NOT j.agrees
UNION ALL
SELECT
    j.processor_seq,
    j.ledger_seq
FROM joined_keys AS j
INNER JOIN repeated_transactions AS r ON j.processor_seq = r.seq
WHERE j.agrees
UNION ALL
SELECT
    j.processor_seq,
    j.ledger_seq
FROM joined_keys AS j
INNER JOIN repeated_ledger_entries AS r ON j.ledger_seq = r.seq
WHERE j.agrees;
