-- What a step may find, before it has looked: pairs in its tolerance, matches, fates of records, candidates refused.
CREATE OR REPLACE TEMPORARY TABLE accepted AS
SELECT
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq
FROM run
WHERE FALSE;

CREATE OR REPLACE TEMPORARY TABLE near_matches AS
SELECT * FROM accepted;

CREATE OR REPLACE TEMPORARY TABLE step_fates AS
SELECT
    cast(NULL AS varchar) AS side,
    cast(NULL AS bigint) AS seq,
    cast(NULL AS varchar) AS fate
FROM run
WHERE FALSE;

CREATE OR REPLACE TEMPORARY TABLE step_candidates AS
SELECT
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq,
    cast(NULL AS integer) AS score,
    cast(NULL AS varchar) AS decision
FROM run
WHERE FALSE;
