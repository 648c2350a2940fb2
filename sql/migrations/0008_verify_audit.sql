-- The record recomputed inside the database. It trusts these functions: `recon audit verify` trusts none of them.
-- One row per problem; no row means that nothing is wrong. A hash can't say which event of a range was changed.

CREATE FUNCTION verify_audit_seals()
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog SET timezone = 'UTC' SET row_security = off AS $$
#variable_conflict use_column
DECLARE
    seal public.audit_seals;
    last_hash bytea := public.audit_genesis();
    last_to bigint := 0;
    expected bigint := 1;
    found bigint;
    leaves bytea[];
BEGIN
    FOR seal IN SELECT * FROM public.audit_seals AS s ORDER BY s.seal_no LOOP
        seal_no := seal.seal_no;
        event_seq := seal.from_seq;
        IF seal.seal_no <> expected THEN
            problem := format('seal %s is missing', expected);
            RETURN NEXT;
        END IF;
        IF seal.prev_hash <> last_hash THEN
            problem := 'does not link to the seal before it';
            RETURN NEXT;
        END IF;
        IF seal.from_seq <> last_to + 1 THEN
            problem := format('begins at event %s, the seal before it ends at %s', seal.from_seq, last_to);
            RETURN NEXT;
        END IF;
        IF seal.seal_hash <> public.audit_seal_hash(seal) THEN
            problem := 'its hash is not that of its fields';
            RETURN NEXT;
        END IF;
        SELECT count(*), coalesce(array_agg(public.audit_event_leaf(e) ORDER BY e.seq), '{}') INTO found, leaves
        FROM public.audit_log AS e WHERE e.seq BETWEEN seal.from_seq AND seal.to_seq;
        IF found <> seal.row_count THEN
            problem := format('holds %s events, %s were sealed', found, seal.row_count);
            RETURN NEXT;
        ELSIF public.merkle_root(leaves) <> seal.merkle_root THEN
            problem := format('an event from %s to %s was changed', seal.from_seq, seal.to_seq);
            RETURN NEXT;
        END IF;
        last_hash := seal.seal_hash;
        last_to := seal.to_seq;
        expected := seal.seal_no + 1;
    END LOOP;
    -- elsewhere an event outside of every range makes the ranges not meet
    RETURN QUERY SELECT NULL::bigint, e.seq, e.run_id, 'an event that no seal can cover'
    FROM public.audit_log AS e WHERE e.seq < 1;
END $$;

-- Rows that never change: do those of each run still hash to what their event says? Several events of one run can be
-- told apart only when each was of one row. Events of before 0005 name no columns: they had those listed here.
CREATE FUNCTION verify_audit_digests(name text)
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog SET timezone = 'UTC' SET row_security = off AS $$
DECLARE
    first_columns CONSTANT jsonb := CASE name WHEN 'discrepancies' THEN
        '["id", "run_id", "discrepancy_id", "processor_name", "business_date", "class", "outcome", "priority", "side",
        "transaction_id", "occurrence", "currency", "exponent", "amount_minor", "amount", "processor_amount_minor",
        "processor_currency", "processor_status", "processor_seq", "processor_raw_file", "processor_record_number",
        "ledger_amount_minor", "ledger_currency", "ledger_status", "ledger_seq", "ledger_raw_file",
        "ledger_record_number", "merchant_id", "reference_number", "fee_minor", "fee", "status", "occurred_at"]'
        ELSE '["run_id", "currency", "exponent", "processor_transactions", "ledger_entries", "processor_total_minor",
        "ledger_total_minor", "signed_discrepancies_minor", "residual_minor", "discrepancy_count",
        "discrepancy_amount_minor", "volume_minor"]' END;
BEGIN
    RETURN QUERY EXECUTE format(
        $query$
        WITH said AS MATERIALIZED (
            SELECT e.run_id, min(e.seq) AS seq, sum(e.row_count) AS row_count, count(*) AS events,
                max(e.row_count) AS largest, array_agg(e.new_value ->> 'sha256' ORDER BY e.new_value ->> 'sha256') AS digests,
                ARRAY(
                    SELECT a.attname::text FROM pg_attribute AS a
                    WHERE a.attrelid = %1$L::regclass AND a.attnum > 0 AND NOT a.attisdropped
                        AND NOT coalesce((array_agg(e.new_value -> 'columns'))[1], $1) ? a.attname::text
                ) AS later_columns
            FROM public.audit_log AS e
            WHERE e.action = 'BULK_INSERT' AND e.table_name = %2$L GROUP BY e.run_id
        ), found AS (
            SELECT r.run_id, count(*) AS row_count,
                encode(sha256(string_agg(r.digest, ''::bytea ORDER BY r.digest)), 'hex') AS together,
                array_agg(encode(sha256(r.digest), 'hex') ORDER BY encode(sha256(r.digest), 'hex'))
                FILTER (WHERE r.largest = 1) AS each_alone
            FROM (
                SELECT t.run_id, s.largest,
                    sha256(convert_to((to_jsonb(t) - coalesce(s.later_columns, '{}'))::text, 'UTF8')) AS digest
                FROM %1$s AS t LEFT JOIN said AS s ON s.run_id = t.run_id
            ) AS r GROUP BY r.run_id
        )
        SELECT NULL::bigint, s.seq, coalesce(s.run_id, f.run_id),
            CASE WHEN s.run_id IS NULL THEN format('%%s rows in %2$s that no event speaks of', f.row_count)
            WHEN coalesce(f.row_count, 0) <> s.row_count THEN
                format('%%s rows in %2$s, the event says %%s', coalesce(f.row_count, 0), s.row_count)
            ELSE 'rows in %2$s do not hash to what the event says' END
        FROM said AS s FULL JOIN found AS f ON f.run_id = s.run_id
        WHERE (s.row_count = f.row_count AND (
            (s.events = 1 AND s.digests[1] = f.together) OR (s.largest = 1 AND s.digests = f.each_alone)
        )) IS NOT TRUE
        $query$, 'public.' || quote_ident(name), name
    ) USING first_columns;
END $$;

-- Rows that may change: is each as its last event left it? Columns that came after that event are not compared.
CREATE FUNCTION verify_audit_rows(name text)
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog SET timezone = 'UTC' SET row_security = off AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $query$
        WITH said AS (
            SELECT DISTINCT ON (e.row_id) e.row_id, e.seq, e.run_id, e.action, e.new_value
            FROM (
                SELECT *, coalesce(new_value, old_value) ->> 'id' AS row_id FROM public.audit_log
                WHERE table_name = %2$L AND action IN ('INSERT', 'UPDATE', 'DELETE')
            ) AS e
            ORDER BY e.row_id, e.seq DESC
        ), found AS (
            SELECT t.id::text AS row_id, to_jsonb(t) AS value FROM %1$s AS t
        )
        SELECT NULL::bigint, s.seq, s.run_id,
            CASE WHEN f.row_id IS NULL THEN format('row %%s of %2$s is gone', s.row_id)
            WHEN coalesce(s.action, 'DELETE') = 'DELETE' THEN
                format('row %%s of %2$s is there, and no event speaks of it', f.row_id)
            ELSE format('row %%s of %2$s is not what its last event says', f.row_id) END
        FROM said AS s FULL JOIN found AS f ON f.row_id = s.row_id
        WHERE (s.action = 'DELETE' AND f.row_id IS NULL) IS NOT TRUE
            AND (s.action <> 'DELETE' AND s.new_value = f.value) IS NOT TRUE
            AND (s.action <> 'DELETE' AND s.new_value = (
                SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each(f.value) AS c WHERE s.new_value ? c.key
            )) IS NOT TRUE
        $query$, 'public.' || quote_ident(name), name
    );
END $$;

CREATE FUNCTION verify_audit()
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT * FROM verify_audit_seals()
    UNION ALL
    SELECT v.* FROM unnest('{discrepancies,reconciliation_proofs}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_digests(t.name) AS v
    UNION ALL
    SELECT v.* FROM unnest('{reconciliation_runs,data_quality_checks,system_configuration}'::text[]) AS t (name)
    CROSS JOIN LATERAL verify_audit_rows(t.name) AS v;
END;

REVOKE ALL ON FUNCTION verify_audit, verify_audit_seals, verify_audit_digests, verify_audit_rows FROM public;
