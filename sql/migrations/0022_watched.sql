-- What a scrape of the metrics asks (recon_assets/store/readings.py): messages that were given up are few among many,
-- and how old the newest seal is was told to nobody. While the index is built, writers of the outbox wait: the table is
-- read once, some 20 ms for 70,000 messages.
SET LOCAL ROLE recon_owner;

CREATE INDEX messages_given_up ON outbox (tenant_id, abandoned_at) WHERE abandoned_at IS NOT NULL;

SET LOCAL ROLE recon_audit_owner;

-- Beside audit_head(), and for those who may call that: it tells nothing about what was sealed.
CREATE FUNCTION audit_sealed_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT s.sealed_at FROM public.audit_seals AS s ORDER BY s.seal_no DESC LIMIT 1;
END;
REVOKE EXECUTE ON FUNCTION audit_sealed_at() FROM public;
GRANT EXECUTE ON FUNCTION audit_sealed_at() TO recon_app, recon_sealer, recon_auditor;
RESET ROLE;
