-- The keys that have more than one record on a side, numbered: their records are compared many times, and numbers
-- compare in a third of the time. All others are plain: there is nothing to choose between.
CREATE OR REPLACE TEMPORARY TABLE crowded_keys AS
SELECT
    k.key,
    row_number() OVER (ORDER BY k.key) AS key_number
FROM (
    SELECT DISTINCT s.key
    FROM (
        SELECT c.key
        FROM careful_records AS c
        WHERE c.key IS NOT NULL
        GROUP BY c.side, c.key
        HAVING count(*) > 1
    ) AS s
) AS k;
