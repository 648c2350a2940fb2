-- Business days that are over and have no answer with a conclusion: never run, failed, or incomplete. A run sees its
-- own day only; this sees the days that no run was for. A day is due two hours after the daily schedule that takes it
-- (01:00 UTC). First day, time zone and cut-off are those of the processor's configuration, which the product keeps in
-- system_configuration; a processor that is not there begins on its first attempted day, in UTC.
CREATE OR REPLACE VIEW v_unproven_days
WITH (security_invoker = TRUE) AS
WITH calendars AS (
    SELECT
        s.tenant_id,
        s.value ->> 'processor' AS processor_name,
        (s.value ->> 'start_date')::date AS start_date,
        s.value ->> 'time_zone' AS time_zone,
        (s.value ->> 'day_starts_at')::time AS day_starts_at
    FROM system_configuration AS s
    WHERE starts_with(s.key, 'calendar/')
    UNION ALL
    SELECT
        r.tenant_id,
        r.processor_name,
        min(r.run_date) AS start_date,
        'UTC' AS time_zone,
        time '00:00' AS day_starts_at
    FROM reconciliation_runs AS r
    WHERE
        NOT EXISTS (
            SELECT 1 FROM system_configuration AS s
            WHERE s.tenant_id = r.tenant_id AND s.key = 'calendar/' || r.processor_name
        )
    GROUP BY r.tenant_id, r.processor_name
),

scheduled AS (
    SELECT date_trunc('day', (now() AT TIME ZONE 'UTC') - interval '3 hours') + interval '1 hour' AS last_at
),

due_days AS (
    SELECT
        c.tenant_id,
        c.processor_name,
        day::date AS business_date
    FROM calendars AS c
    CROSS JOIN scheduled
    CROSS JOIN LATERAL generate_series(c.start_date::timestamp, scheduled.last_at, interval '1 day') AS day
    WHERE
        (day + interval '1 day' + c.day_starts_at) AT TIME ZONE c.time_zone
        <= scheduled.last_at AT TIME ZONE 'UTC'
)

SELECT
    d.business_date,
    d.processor_name,
    coalesce(newest.status, 'never run') AS why,
    coalesce(newest.failure_reason, newest.incomplete_reason) AS reason,
    newest.start_time AS last_attempt_at,
    d.tenant_id
FROM due_days AS d
LEFT JOIN reconciliation_runs AS answer
    ON
        d.tenant_id = answer.tenant_id AND d.processor_name = answer.processor_name
        AND d.business_date = answer.run_date AND answer.is_current AND answer.status = 'completed'
LEFT JOIN LATERAL (
    SELECT
        a.status,
        a.failure_reason,
        a.start_time,
        (SELECT string_agg(said.text, '; ') FROM jsonb_array_elements_text(a.incomplete_reasons) AS said (text))
            AS incomplete_reason
    FROM reconciliation_runs AS a
    WHERE
        a.tenant_id = d.tenant_id AND a.processor_name = d.processor_name AND a.run_date = d.business_date
        AND a.status <> 'unchanged'
    ORDER BY a.version DESC
    LIMIT 1
) AS newest ON TRUE
WHERE answer.id IS NULL
ORDER BY d.business_date DESC, d.processor_name ASC;

COMMENT ON VIEW v_unproven_days IS
'Business days that are due and have no answer with a conclusion, also those that were never run; newest first';
COMMENT ON COLUMN v_unproven_days.why IS 'never run, or the status of the newest attempt: failed, incomplete, running';
COMMENT ON COLUMN v_unproven_days.reason IS 'Why the newest attempt failed or is incomplete; null for one that was not';
GRANT SELECT ON v_unproven_days TO recon_app, recon_reader, recon_auditor;
