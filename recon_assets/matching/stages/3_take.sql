-- What the step found is taken: no later step sees those records.
CREATE OR REPLACE TEMPORARY TABLE pairs AS
SELECT * FROM pairs
UNION ALL
SELECT
    s.pass,
    s.step,
    p.kind,
    p.match_no,
    p.processor_seq,
    p.ledger_seq
FROM step_pairs AS p
CROSS JOIN step AS s;

CREATE OR REPLACE TEMPORARY TABLE fates AS
SELECT * FROM fates
UNION ALL
SELECT
    f.side,
    f.seq,
    f.fate
FROM step_fates AS f;

CREATE OR REPLACE TEMPORARY TABLE candidates AS
SELECT * FROM candidates
UNION ALL
SELECT
    s.pass,
    s.step,
    c.processor_seq,
    c.ledger_seq,
    c.score,
    c.decision
FROM step_candidates AS c
CROSS JOIN step AS s;

CREATE OR REPLACE TEMPORARY TABLE left_records AS
SELECT r.*
FROM left_records AS r
LEFT JOIN (SELECT DISTINCT processor_seq FROM step_pairs) AS p ON r.side = 'processor' AND r.seq = p.processor_seq
LEFT JOIN (SELECT DISTINCT ledger_seq FROM step_pairs) AS l ON r.side = 'ledger' AND r.seq = l.ledger_seq
LEFT JOIN step_fates AS f ON r.side = f.side AND r.seq = f.seq
WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL AND f.seq IS NULL;
