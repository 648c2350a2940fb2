-- An event carries 122 unguessable bits: who is given the hashes of its neighbours can't guess what they say.
-- And every trigger holds under session_replication_role = replica too, not those that refuse only.

ALTER TABLE audit_log ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT t.tgrelid::regclass AS table_name, t.tgname
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgenabled = 'O' AND c.relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.table_name, found.tgname);
    END LOOP;
END $$;
