-- The score of each pair that was seen, and what it decides: matched with a clear margin on both sides and amounts
-- within the tolerance; else suggested; equally good candidates are tied.
CREATE OR REPLACE TEMPORARY TABLE scores AS
SELECT
    v.processor_seq,
    v.ledger_seq,
    a.processor_seq IS NOT NULL AS is_in_tolerance,
    cast(
        CASE
            WHEN v.processor_amount = v.ledger_amount THEN s.amount_equal
            WHEN a.processor_seq IS NOT NULL THEN s.amount_close
            ELSE 0
        END
        + CASE
            WHEN
                p.occurred_at <= l.occurred_at + INTERVAL '1' SECOND * s.time_close_seconds
                AND l.occurred_at <= p.occurred_at + INTERVAL '1' SECOND * s.time_close_seconds
                THEN s.time_close
            ELSE 0
        END
        + CASE WHEN p.merchant_id = l.merchant_id THEN s.merchant_equal ELSE 0 END
        + CASE WHEN p.reference_number = l.reference_number THEN s.reference_equal ELSE 0 END
        + CASE WHEN p.order_id = l.order_id THEN s.order_equal ELSE 0 END
        + CASE WHEN p.movement = l.movement THEN s.movement_equal ELSE 0 END
        AS integer
    ) AS score
FROM seen AS v
CROSS JOIN step AS s
INNER JOIN step_records AS p ON v.processor_seq = p.seq AND p.side = 'processor'
INNER JOIN step_records AS l ON v.ledger_seq = l.seq AND l.side = 'ledger'
LEFT JOIN accepted AS a ON v.processor_seq = a.processor_seq AND v.ledger_seq = a.ledger_seq;

CREATE OR REPLACE TEMPORARY TABLE judged AS
SELECT
    r.*,
    CASE WHEN r.processor_place = 1 THEN r.second_of_processor ELSE r.best_of_processor END AS rival_of_processor,
    CASE WHEN r.ledger_place = 1 THEN r.second_of_ledger ELSE r.best_of_ledger END AS rival_of_ledger
FROM (
    SELECT
        k.*,
        max(k.score) OVER (PARTITION BY k.processor_seq) AS best_of_processor,
        max(k.score) OVER (PARTITION BY k.ledger_seq) AS best_of_ledger,
        max(CASE WHEN k.processor_place = 2 THEN k.score ELSE 0 END)
            OVER (PARTITION BY k.processor_seq) AS second_of_processor,
        max(CASE WHEN k.ledger_place = 2 THEN k.score ELSE 0 END) OVER (PARTITION BY k.ledger_seq) AS second_of_ledger
    FROM (
        SELECT
            c.*,
            row_number() OVER (PARTITION BY c.processor_seq ORDER BY c.score DESC, c.ledger_seq ASC) AS processor_place,
            row_number() OVER (PARTITION BY c.ledger_seq ORDER BY c.score DESC, c.processor_seq ASC) AS ledger_place
        FROM scores AS c
    ) AS k
) AS r;

CREATE OR REPLACE TEMPORARY TABLE scored_pairs AS
SELECT
    j.processor_seq,
    j.ledger_seq
FROM judged AS j
CROSS JOIN step AS s
WHERE
    j.is_in_tolerance AND j.score >= s.confirm_from
    AND j.processor_place = 1 AND j.ledger_place = 1
    AND j.score - j.rival_of_processor >= s.margin AND j.score - j.rival_of_ledger >= s.margin;

-- the candidates of which neither record was matched, each with how many of a record's are as good as its best
CREATE OR REPLACE TEMPORARY TABLE suggested AS
SELECT
    b.*,
    b.score = b.best_of_processor
    AND sum(CASE WHEN b.score = b.best_of_processor THEN 1 ELSE 0 END) OVER (PARTITION BY b.processor_seq) > 1
        AS processor_is_torn,
    b.score = b.best_of_ledger
    AND sum(CASE WHEN b.score = b.best_of_ledger THEN 1 ELSE 0 END) OVER (PARTITION BY b.ledger_seq) > 1
        AS ledger_is_torn
FROM (
    SELECT
        c.processor_seq,
        c.ledger_seq,
        c.score,
        max(c.score) OVER (PARTITION BY c.processor_seq) AS best_of_processor,
        max(c.score) OVER (PARTITION BY c.ledger_seq) AS best_of_ledger
    FROM scores AS c
    CROSS JOIN step AS s
    LEFT JOIN scored_pairs AS p ON c.processor_seq = p.processor_seq
    LEFT JOIN scored_pairs AS l ON c.ledger_seq = l.ledger_seq
    WHERE p.processor_seq IS NULL AND l.ledger_seq IS NULL AND c.score >= s.suggest_from
) AS b;

CREATE OR REPLACE TEMPORARY TABLE step_found AS
SELECT
    'scored' AS what,
    p.processor_seq AS match_no,
    p.processor_seq,
    p.ledger_seq,
    cast(NULL AS integer) AS score,
    FALSE AS processor_is_torn,
    FALSE AS ledger_is_torn
FROM scored_pairs AS p
UNION ALL
SELECT
    CASE WHEN g.processor_is_torn OR g.ledger_is_torn THEN 'tied' ELSE 'suggested' END AS what,
    cast(NULL AS bigint) AS match_no,
    g.processor_seq,
    g.ledger_seq,
    g.score,
    g.processor_is_torn,
    g.ledger_is_torn
FROM suggested AS g;
