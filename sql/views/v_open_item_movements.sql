-- How open items come and go, by the current answers and live matches: open at the end of a day = open at the end of
-- the day before + opened - resolved. A match belongs to the later of its two days, and resolves a record of each.
CREATE OR REPLACE VIEW v_open_item_movements
WITH (security_invoker = TRUE) AS
SELECT
    r.processor_name,
    r.run_date AS business_date,
    alone.opened,
    coalesce(found.resolved, 0) AS resolved,
    coalesce(lost.reopened, 0) AS reopened,
    sum(alone.opened - coalesce(found.resolved, 0)) OVER (
        PARTITION BY r.tenant_id, r.processor_name
        ORDER BY r.run_date
    ) AS open_at_end,
    r.id AS run_id,
    r.tenant_id
FROM reconciliation_runs AS r
CROSS JOIN
    LATERAL (
        SELECT coalesce(sum(c.value::bigint), 0) AS opened
        FROM jsonb_each_text(r.metadata -> 'count_by_class') AS c
        WHERE
            c.key IN (
                'missing_in_ledger', 'missing_at_processor', 'pending_in_ledger', 'pending_at_processor',
                'matched_prior_day'
            )
    ) AS alone
LEFT JOIN (
    SELECT
        m.tenant_id,
        m.processor_name,
        greatest(m.processor_date, m.ledger_date) AS run_date,
        2 * count(*) AS resolved
    FROM prior_day_matches AS m
    WHERE m.ended_by IS NULL
    GROUP BY m.tenant_id, m.processor_name, greatest(m.processor_date, m.ledger_date)
) AS found
    ON r.tenant_id = found.tenant_id AND r.processor_name = found.processor_name AND r.run_date = found.run_date
LEFT JOIN (
    SELECT
        m.tenant_id,
        m.processor_name,
        n.run_date,
        2 * count(*) AS reopened
    FROM prior_day_matches AS m
    INNER JOIN reconciliation_runs AS n ON m.tenant_id = n.tenant_id AND m.ended_by = n.id
    GROUP BY m.tenant_id, m.processor_name, n.run_date
) AS lost
    ON r.tenant_id = lost.tenant_id AND r.processor_name = lost.processor_name AND r.run_date = lost.run_date
WHERE r.is_current AND r.status = 'completed';

COMMENT ON VIEW v_open_item_movements IS
'Open items of a processor day by day: opened, resolved by matches across days, and open at the end';
COMMENT ON COLUMN v_open_item_movements.opened IS
'Records that the day left alone, whether or not another day has matched them since';
COMMENT ON COLUMN v_open_item_movements.resolved IS
'Records, of this day or an earlier one, in live matches whose later day this is';
COMMENT ON COLUMN v_open_item_movements.reopened IS
'Records whose match answers of this day have ended, ever; such a match is in no other figure';
GRANT SELECT ON v_open_item_movements TO recon_app, recon_reader, recon_auditor;
