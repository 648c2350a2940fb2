-- The tables of 0014 are verified like those before them. A replaced function keeps its owner.

CREATE OR REPLACE FUNCTION verify_audit()
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT * FROM verify_audit_seals()
    UNION ALL
    SELECT v.*
    FROM unnest('{discrepancies,discrepancy_events,matches,reconciliation_proofs}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_digests(t.name) AS v
    UNION ALL
    SELECT v.*
    FROM unnest('{reconciliation_runs,data_quality_checks,system_configuration,outbox}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_rows(t.name) AS v;
END;
