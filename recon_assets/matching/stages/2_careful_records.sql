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

CREATE OR REPLACE TEMPORARY TABLE left_records AS
SELECT
    c.side,
    c.seq
FROM careful_records AS c;

CREATE OR REPLACE TEMPORARY TABLE pairs AS
SELECT
    cast(NULL AS varchar) AS pass,
    cast(NULL AS bigint) AS step,
    cast(NULL AS varchar) AS kind,
    cast(NULL AS bigint) AS match_no,
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq
FROM run
WHERE FALSE;

-- what became of records that are in no match: duplicate, ambiguous
CREATE OR REPLACE TEMPORARY TABLE fates AS
SELECT
    cast(NULL AS varchar) AS side,
    cast(NULL AS bigint) AS seq,
    cast(NULL AS varchar) AS fate
FROM run
WHERE FALSE;

CREATE OR REPLACE TEMPORARY TABLE candidates AS
SELECT
    cast(NULL AS varchar) AS pass,
    cast(NULL AS bigint) AS step,
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq,
    cast(NULL AS integer) AS score,
    cast(NULL AS varchar) AS decision
FROM run
WHERE FALSE;

-- pairs of scored steps of which a record is torn between equally good ones
CREATE OR REPLACE TEMPORARY TABLE tied_scores AS
SELECT
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq,
    cast(NULL AS boolean) AS processor_is_torn,
    cast(NULL AS boolean) AS ledger_is_torn
FROM run
WHERE FALSE;
