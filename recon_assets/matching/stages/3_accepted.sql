-- Of the pairs that were seen, those whose amounts lie within the tolerance of the step: the larger of its minor units
-- and its basis points of the base, in the direction it allows.
CREATE OR REPLACE TEMPORARY TABLE accepted AS
SELECT
    seen.processor_seq,
    seen.ledger_seq
FROM seen
CROSS JOIN step AS s
WHERE
    cast(abs(cast(seen.processor_amount AS decimal(38, 0)) - seen.ledger_amount) * 10000 AS decimal(38, 0))
    <= greatest(
        cast(s.tolerance_minor AS decimal(38, 0)) * 10000,
        cast(s.tolerance_basis_points AS decimal(38, 0)) * CASE s.tolerance_base
            WHEN 'processor' THEN abs(cast(seen.processor_amount AS decimal(38, 0)))
            WHEN 'ledger' THEN abs(cast(seen.ledger_amount AS decimal(38, 0)))
            WHEN 'larger' THEN greatest(
                abs(cast(seen.processor_amount AS decimal(38, 0))), abs(cast(seen.ledger_amount AS decimal(38, 0)))
            )
            ELSE least(
                abs(cast(seen.processor_amount AS decimal(38, 0))), abs(cast(seen.ledger_amount AS decimal(38, 0)))
            )
        END
    )
    AND (
        s.direction = 'either'
        OR (s.direction = 'processor_more' AND seen.processor_amount >= seen.ledger_amount)
        OR (s.direction = 'ledger_more' AND seen.ledger_amount >= seen.processor_amount)
    );
