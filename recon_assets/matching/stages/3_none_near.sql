-- In the place of `3_near` and what follows it, where a step has no tolerance.
CREATE OR REPLACE TEMPORARY TABLE accepted AS
SELECT
    cast(NULL AS bigint) AS processor_seq,
    cast(NULL AS bigint) AS ledger_seq
FROM run
WHERE FALSE;

CREATE OR REPLACE TEMPORARY TABLE near_matches AS
SELECT * FROM accepted;
