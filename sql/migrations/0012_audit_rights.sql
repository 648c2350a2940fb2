-- The seals and what makes and verifies them belong to the audit's owner too. The application may seal, which can only
-- add a true seal; it may neither read the audit log nor call anything else of it.

ALTER TABLE audit_seals OWNER TO recon_audit_owner;
GRANT SELECT ON audit_seals TO recon_auditor, recon_sealer;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'audit_lock()', 'enter_audit()', 'audit_event_text(audit_log)', 'audit_event_leaf(audit_log)',
        'merkle_root(bytea[])', 'audit_seal_hash(audit_seals)', 'audit_genesis()', 'seal_audit(integer, integer)',
        'verify_audit_seals()', 'verify_audit_digests(text)', 'verify_audit_rows(text)', 'verify_audit()'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO recon_audit_owner', name);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', name);
    END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION seal_audit(integer, integer) TO recon_app, recon_sealer;
