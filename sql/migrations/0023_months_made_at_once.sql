-- Two sessions that need a new month at the same moment: the second one waited for the first one's lock, and asked
-- to_regclass() again, which answers from the session's cache. A wait for an advisory lock does not renew that, so it
-- made the table once more and failed (42P07). A query of the catalogue sees what is committed by then.
SET LOCAL ROLE recon_owner;

CREATE OR REPLACE FUNCTION ensure_month(day date) RETURNS regclass
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month CONSTANT date := date_trunc('month', day::timestamp)::date;
    name CONSTANT text := 'discrepancies_' || to_char(month, 'YYYY_MM');
    found regclass;
BEGIN
    LOCK TABLE ONLY public.discrepancies IN ACCESS SHARE MODE;
    found := to_regclass('public.' || name);
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;
    IF (day BETWEEN '1990-01-01' AND '2099-12-31') IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a business date from 1990 to 2099', day USING ERRCODE = '22008';
    END IF;
    PERFORM pg_advisory_xact_lock(7311465204);
    SELECT c.oid INTO found
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = name;
    IF found IS NOT NULL THEN
        RETURN found;  -- another session was faster
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.discrepancies INCLUDING ALL)', name);
    found := to_regclass('public.' || name);
    PERFORM public.guard_discrepancies(found);
    EXECUTE format(
        'ALTER TABLE public.discrepancies ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
        found, month, (month + interval '1 month')::date
    );
    EXECUTE format(
        'COMMENT ON TABLE %s IS %L', found, 'Discrepancies of the business dates of ' || to_char(month, 'YYYY-MM')
    );
    RETURN found;
END $$;
RESET ROLE;
