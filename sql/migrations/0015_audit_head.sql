-- The last seal's number and hash, for the manifest of each day. It tells nothing about what was sealed.
CREATE FUNCTION audit_head() RETURNS TABLE (seal_no bigint, seal_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET row_security = off
BEGIN ATOMIC
    SELECT
        s.seal_no,
        s.seal_hash
    FROM public.audit_seals AS s ORDER BY s.seal_no DESC LIMIT 1;
END;

ALTER FUNCTION audit_head() OWNER TO recon_audit_owner;
REVOKE EXECUTE ON FUNCTION audit_head() FROM public;
GRANT EXECUTE ON FUNCTION audit_head() TO recon_app, recon_sealer, recon_auditor;
