-- recon-audit-v1: the bytes of an event that are hashed. Frozen: a change is a new version beside it (docs/audit.md).
--
-- Twelve lines in UTF-8, joined by a line feed (0x0A), none after the last:
--    1  recon-audit-v1
--    2  seq            decimal
--    3  id             uuid, lower case with hyphens
--    4  event_time     microseconds since 1970-01-01T00:00:00Z, decimal
--    5  actor          JSON string
--    6  action         JSON string
--    7  table_name     JSON string
--    8  row_count      decimal
--    9  run_id         uuid, lower case with hyphens
--   10  old_value      jsonb as PostgreSQL prints it
--   11  new_value      the same
--   12  context        the same
-- NULL is an empty line; no value is: empty text is "", JSON's null is null. No value holds a raw line feed: JSON
-- escapes it. A JSON string is quoted and escapes " \ and U+0000 to U+001F only (\b \f \n \r \t, else \u00xx in lower
-- case).
-- Nothing in it depends on a setting. No SET clause: a function that has one is not inlined, which is six times slower.
CREATE FUNCTION audit_event_text(event audit_log) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN 'recon-audit-v1'
|| chr(10) || event.seq::text
|| chr(10) || event.id::text
|| chr(10) || (extract(EPOCH FROM event.event_time) * 1000000)::bigint::text
|| chr(10) || to_json(event.actor)::text
|| chr(10) || to_json(event.action)::text
|| chr(10) || coalesce(to_json(event.table_name)::text, '')
|| chr(10) || event.row_count::text
|| chr(10) || coalesce(event.run_id::text, '')
|| chr(10) || coalesce(event.old_value::text, '')
|| chr(10) || coalesce(event.new_value::text, '')
|| chr(10) || event.context::text;

-- the leaf of RFC 6962 (section 2.1)
CREATE FUNCTION audit_event_leaf(event audit_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256('\x00'::bytea || convert_to(audit_event_text(event), 'UTF8'));

-- the tree head of RFC 6962, level by level: an odd node rises as it is
CREATE FUNCTION merkle_root(leaves bytea[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
DECLARE
    level bytea[] := leaves;
BEGIN
    IF cardinality(level) = 0 THEN
        RETURN sha256(''::bytea);
    END IF;
    WHILE cardinality(level) > 1 LOOP
        -- unnest, not level[i]: a subscript walks the array from its start, so 100,000 leaves would take 40 s
        SELECT array_agg(
            CASE WHEN neighbour IS NULL THEN node ELSE sha256('\x01'::bytea || node || neighbour) END ORDER BY place
        ) INTO level
        FROM (
            SELECT node, place, lead(node) OVER (ORDER BY place) AS neighbour
            FROM unnest(level) WITH ORDINALITY AS u (node, place)
        ) AS pairs
        WHERE place % 2 = 1;
    END LOOP;
    RETURN level[1];
END $$;
