-- Of the pairs that were seen, those whose amounts lie within the tolerance of the step: the larger of its minor units
-- and its basis points of the base, in the direction it allows.
CREATE OR REPLACE TEMPORARY TABLE accepted AS
SELECT
    a.processor_seq,
    a.ledger_seq
FROM (
    SELECT
        v.*,
        abs(cast(v.processor_amount AS decimal(20, 0)) - cast(v.ledger_amount AS decimal(20, 0))) AS difference,
        abs(cast(v.processor_amount AS decimal(20, 0))) AS processor_size,
        abs(cast(v.ledger_amount AS decimal(20, 0))) AS ledger_size
    FROM seen AS v
) AS a
CROSS JOIN step AS s
WHERE
    (
        a.difference <= s.tolerance_minor
        OR a.difference * cast(10000 AS decimal(5, 0)) <= cast(s.tolerance_basis_points AS decimal(5, 0))
        * CASE s.tolerance_base
            WHEN 'processor' THEN a.processor_size
            WHEN 'ledger' THEN a.ledger_size
            WHEN 'larger' THEN greatest(a.processor_size, a.ledger_size)
            ELSE least(a.processor_size, a.ledger_size)
        END
    )
    AND (
        s.direction = 'either'
        OR (s.direction = 'processor_more' AND a.processor_amount >= a.ledger_amount)
        OR (s.direction = 'ledger_more' AND a.ledger_amount >= a.processor_amount)
    );
