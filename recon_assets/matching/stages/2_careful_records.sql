-- The records of the unclean keys, both sides in one table, each with its occurrence number: ids are not unique
-- everywhere, and two records with one id are told apart by the order in which they happened.
CREATE OR REPLACE TEMPORARY TABLE careful_records AS
SELECT
    r.*,
    row_number() OVER (
        PARTITION BY r.side, r.transaction_id ORDER BY r.occurred_at, r.seq
    ) AS occurrence
FROM (
    SELECT
        'processor' AS side,
        t.*
    FROM keyed_transactions AS t
    WHERE t.key IN (SELECT u.key FROM unclean_keys AS u)
    UNION ALL
    SELECT 'processor' AS side, t.* -- noqa: AM04
    FROM keyed_transactions AS t
    WHERE t.key IS NULL
    UNION ALL
    SELECT
        'ledger' AS side,
        e.*
    FROM keyed_ledger_entries AS e
    WHERE e.key IN (SELECT u.key FROM unclean_keys AS u)
    UNION ALL
    SELECT 'ledger' AS side, e.* -- noqa: AM04
    FROM keyed_ledger_entries AS e
    WHERE e.key IS NULL
) AS r;

CREATE OR REPLACE TEMPORARY TABLE left_records AS
SELECT
    c.side,
    c.seq
FROM careful_records AS c;

CREATE OR REPLACE TEMPORARY TABLE pairs AS
SELECT
    cast(NULL AS varchar) AS pass,
    cast(NULL AS integer) AS step,
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
    cast(NULL AS integer) AS step,
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
