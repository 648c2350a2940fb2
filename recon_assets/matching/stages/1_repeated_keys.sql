-- The rows of `joined_keys` whose records need a careful look, where some record is in several rows: then its key is
-- there more than once on the other side. All records of such a key are in rows of that kind.
--
-- A million numbers are not grouped for the few that are repeated. In a group of 16 neighbours each number sets a bit
-- of its own, so that there are more rows than bits only where one is repeated, and only those groups are looked at.
-- Of a quotient DuckDB knows the least and the largest, so that groups are places of a field (`GROUPS_IN_A_FIELD`).
CREATE OR REPLACE TEMPORARY TABLE repeated_transactions AS
SELECT j.own_seq AS seq
FROM joined_keys AS j
INNER JOIN (
    SELECT n.own_seq // 16 AS neighbours
    FROM joined_keys AS n
    WHERE n.own_seq IS NOT NULL
    GROUP BY n.own_seq // 16
    HAVING count(*) > bit_count(bit_or(1 << cast(n.own_seq & 15 AS integer)))
) AS g ON j.own_seq // 16 = g.neighbours
GROUP BY j.own_seq
HAVING count(*) > 1;

CREATE OR REPLACE TEMPORARY TABLE repeated_others AS
SELECT j.other_seq AS seq
FROM joined_keys AS j
INNER JOIN (
    SELECT n.other_seq // 16 AS neighbours
    FROM joined_keys AS n
    WHERE n.other_seq IS NOT NULL
    GROUP BY n.other_seq // 16
    HAVING count(*) > bit_count(bit_or(1 << cast(n.other_seq & 15 AS integer)))
) AS g ON j.other_seq // 16 = g.neighbours
GROUP BY j.other_seq
HAVING count(*) > 1;

CREATE OR REPLACE TEMPORARY TABLE unclean_rows AS
SELECT
    j.own_seq,
    j.other_seq
FROM joined_keys AS j
WHERE NOT j.agrees
UNION ALL
SELECT
    j.own_seq,
    j.other_seq
FROM joined_keys AS j
INNER JOIN repeated_transactions AS r ON j.own_seq = r.seq
WHERE j.agrees
UNION ALL
SELECT
    j.own_seq,
    j.other_seq
FROM joined_keys AS j
INNER JOIN repeated_others AS r ON j.other_seq = r.seq
WHERE j.agrees;
