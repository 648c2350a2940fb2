-- The records of the unclean keys, and those without a key, both sides in one table.
CREATE OR REPLACE TEMPORARY TABLE careful_records AS
SELECT r.*
FROM (
    SELECT
        'processor' AS side,
        t.*
    FROM keyed_transactions AS t
    INNER JOIN unclean_keys AS u ON t.key = u.key
    UNION ALL
    SELECT
        'processor' AS side,
        t.*
    FROM keyed_transactions AS t
    WHERE t.key IS NULL
    UNION ALL
    SELECT
        'ledger' AS side,
        e.*
    FROM keyed_ledger_entries AS e
    INNER JOIN unclean_keys AS u ON e.key = u.key
    UNION ALL
    SELECT
        'ledger' AS side,
        e.*
    FROM keyed_ledger_entries AS e
    WHERE e.key IS NULL
) AS r;

-- The keys that have more than one record on a side. All others are plain: there is nothing to choose between.
CREATE OR REPLACE TEMPORARY TABLE crowded_keys AS
SELECT DISTINCT k.key
FROM (
    SELECT c.key
    FROM careful_records AS c
    WHERE c.key IS NOT NULL
    GROUP BY c.side, c.key
    HAVING count(*) > 1
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
