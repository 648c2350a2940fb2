-- The digest of rows that never change is now over the text of the record, which costs a third of what its jsonb does.
-- Events of before say nothing about `text` and go on being verified as what they are. Replaced functions keep owners.
CREATE OR REPLACE FUNCTION audit_digest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, MDY' AS $$
BEGIN
    INSERT INTO public.audit_log (action, table_name, row_count, run_id, new_value, context)
    SELECT 'BULK_INSERT', TG_TABLE_NAME, count(*), n.run_id,
        jsonb_build_object(
            'sha256',
            encode(sha256(string_agg(row_digest, ''::bytea ORDER BY row_digest)), 'hex'),
            'text',
            'record',
            'columns',
            (
                SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
            )
        ),
        public.audit_context()
    FROM (SELECT r.run_id, sha256(convert_to(r::text, 'UTF8')) AS row_digest FROM new_rows AS r) AS n
    GROUP BY n.run_id;
    RETURN NULL;
END $$;

-- As before, and by the text that each event names. Columns that came after an event are not in its text.
CREATE OR REPLACE FUNCTION verify_audit_digests(name text)
RETURNS TABLE (seal_no bigint, event_seq bigint, run_id uuid, problem text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, MDY' SET row_security = off AS $$
#variable_conflict use_column
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
    places CONSTANT text[] := ARRAY['public.' || quote_ident(name)] || ARRAY(
        SELECT format('recon_retired.%I', c.relname)
        FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE name = 'discrepancies' AND n.nspname = 'recon_retired' AND c.relkind = 'r' ORDER BY c.relname
    );
    form record;
    named text;
    texts text;
BEGIN
    FOR form IN
        SELECT coalesce(e.new_value ->> 'text', 'jsonb') AS text,
            CASE jsonb_typeof(e.new_value -> 'columns') WHEN 'array' THEN e.new_value -> 'columns' ELSE first_columns END AS columns
        FROM public.audit_log AS e
        WHERE e.action = 'BULK_INSERT' AND e.table_name = name GROUP BY 1, 2
    LOOP
        SELECT string_agg(format('r.%I', c.column_name), ', ' ORDER BY c.place) INTO named
        FROM jsonb_array_elements_text(form.columns) WITH ORDINALITY AS c (column_name, place)
        INNER JOIN pg_attribute AS a ON a.attname = c.column_name
        WHERE a.attrelid = places[1]::regclass AND a.attnum > 0 AND NOT a.attisdropped;
        SELECT string_agg(
            format(
                CASE form.text WHEN 'record' THEN 'SELECT r.run_id, ROW(%1$s)::text AS value FROM %2$s AS r'
                ELSE 'SELECT r.run_id, (SELECT to_jsonb(x) FROM (SELECT %1$s) AS x)::text AS value FROM %2$s AS r' END,
                named, p.place
            ), ' UNION ALL '
        ) INTO texts FROM unnest(places) AS p (place);
        RETURN QUERY EXECUTE format(
            $query$
            WITH said AS MATERIALIZED (
                SELECT e.run_id, min(e.seq) AS seq, sum(e.row_count) AS row_count, count(*) AS events,
                    max(e.row_count) AS largest,
                    array_agg(e.new_value ->> 'sha256' ORDER BY e.new_value ->> 'sha256') AS digests
                FROM public.audit_log AS e
                WHERE e.action = 'BULK_INSERT' AND e.table_name = %1$L
                    AND coalesce(e.new_value ->> 'text', 'jsonb') = $1
                    AND CASE jsonb_typeof(e.new_value -> 'columns') WHEN 'array' THEN e.new_value -> 'columns' ELSE $3 END = $2
                GROUP BY e.run_id
            ), found AS (
                SELECT r.run_id, count(*) AS row_count,
                    encode(sha256(string_agg(r.digest, ''::bytea ORDER BY r.digest)), 'hex') AS together,
                    array_agg(encode(sha256(r.digest), 'hex') ORDER BY encode(sha256(r.digest), 'hex'))
                    FILTER (WHERE r.largest = 1) AS each_alone
                FROM (
                    SELECT t.run_id, s.largest, sha256(convert_to(t.value, 'UTF8')) AS digest
                    FROM (%2$s) AS t INNER JOIN said AS s ON s.run_id = t.run_id
                ) AS r GROUP BY r.run_id
            )
            SELECT NULL::bigint, s.seq, s.run_id,
                CASE WHEN coalesce(f.row_count, 0) <> s.row_count THEN
                    format('%%s rows in %1$s, the event says %%s', coalesce(f.row_count, 0), s.row_count)
                ELSE 'rows in %1$s do not hash to what the event says' END
            FROM said AS s LEFT JOIN found AS f ON f.run_id = s.run_id
            WHERE (s.row_count = f.row_count AND (
                (s.events = 1 AND s.digests[1] = f.together) OR (s.largest = 1 AND s.digests = f.each_alone)
            )) IS NOT TRUE
            $query$, name, texts
        ) USING form.text, form.columns, first_columns;
    END LOOP;
    SELECT string_agg(format('SELECT r.run_id FROM %s AS r', p.place), ' UNION ALL ') INTO texts
    FROM unnest(places) AS p (place);
    RETURN QUERY EXECUTE format(
        $query$
        SELECT NULL::bigint, NULL::bigint, t.run_id, format('%%s rows in %1$s that no event speaks of', count(*))
        FROM (%2$s) AS t
        WHERE NOT EXISTS (
            SELECT 1 FROM public.audit_log AS e
            WHERE e.run_id = t.run_id AND e.action = 'BULK_INSERT' AND e.table_name = %1$L
        )
        GROUP BY t.run_id
        $query$, name, texts
    );
END $$;
