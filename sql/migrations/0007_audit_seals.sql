-- Seals: each folds the events since the one before into one hash, and is chained to it. No event is touched by it.

CREATE TABLE audit_seals (
    seal_no bigint PRIMARY KEY CHECK (seal_no > 0),
    prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    from_seq bigint NOT NULL,
    to_seq bigint NOT NULL,
    row_count bigint NOT NULL CHECK (row_count > 0),
    merkle_root bytea NOT NULL CHECK (octet_length(merkle_root) = 32),
    sealed_at timestamptz NOT NULL,
    seal_hash bytea NOT NULL CHECK (octet_length(seal_hash) = 32),
    CONSTRAINT range_is_not_empty CHECK (to_seq >= from_seq)
);

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER refuse_change;

-- recon-seal-v1: folds leaves of recon-audit-v1. Hashes in lower-case hex, the time in microseconds since 1970.
CREATE FUNCTION audit_seal_hash(seal audit_seals) RETURNS bytea
LANGUAGE sql STABLE
RETURN sha256(convert_to(
    concat_ws(
        '|', 'recon-seal-v1', seal.seal_no::text, encode(seal.prev_hash, 'hex'), seal.from_seq::text, seal.to_seq::text,
        seal.row_count::text, encode(seal.merkle_root, 'hex'),
        (extract(EPOCH FROM seal.sealed_at) * 1000000)::bigint::text
    ), 'UTF8'
));

CREATE FUNCTION audit_genesis() RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN sha256('recon-genesis-v1'::bytea);

-- Seal every event that is there; returns the new seals, none when there was nothing to seal. One seal holds at most
-- max_events, so that memory stays bounded. Waits at most wait_ms for writers to commit, then fails with 55P03.
-- row_security = off: where a policy would hide events from the owner, this fails instead of sealing only some.
CREATE FUNCTION seal_audit(wait_ms integer DEFAULT 5000, max_events integer DEFAULT 100000) RETURNS SETOF audit_seals
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET row_security = off SET lock_timeout = '5s' AS $$
DECLARE
    last_seal public.audit_seals;
    next_seal public.audit_seals;
    frontier bigint;
    leaves bytea[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'sealing needs READ COMMITTED: an older snapshot does not see who committed last'
        USING ERRCODE = '25001';
    END IF;
    PERFORM set_config('lock_timeout', wait_ms || 'ms', TRUE);
    PERFORM pg_advisory_xact_lock(public.audit_lock() + 1);  -- one sealer at a time
    BEGIN
        -- Waits, in the queue: who only tries never gets in between constant writers. The rollback of this block gives
        -- the lock back at once, so writers do not wait for the hashing.
        PERFORM pg_advisory_xact_lock(public.audit_lock());
        SELECT max(seq) INTO frontier FROM public.audit_log;
        RAISE EXCEPTION 'the frontier is known' USING ERRCODE = 'RS001';
    EXCEPTION WHEN SQLSTATE 'RS001' THEN
        NULL;
    END;
    SELECT * INTO last_seal FROM public.audit_seals ORDER BY seal_no DESC LIMIT 1;
    LOOP
        SELECT max(chunk.seq), count(*), array_agg(chunk.leaf ORDER BY chunk.seq)
        INTO next_seal.to_seq, next_seal.row_count, leaves
        FROM (
            SELECT e.seq, public.audit_event_leaf(e) AS leaf FROM public.audit_log AS e
            WHERE e.seq > coalesce(last_seal.to_seq, 0) AND e.seq <= frontier
            ORDER BY e.seq LIMIT max_events
        ) AS chunk;
        EXIT WHEN next_seal.row_count = 0;
        next_seal.seal_no := coalesce(last_seal.seal_no, 0) + 1;
        next_seal.prev_hash := coalesce(last_seal.seal_hash, public.audit_genesis());
        next_seal.from_seq := coalesce(last_seal.to_seq, 0) + 1;
        next_seal.merkle_root := public.merkle_root(leaves);
        next_seal.sealed_at := clock_timestamp();
        next_seal.seal_hash := public.audit_seal_hash(next_seal);
        INSERT INTO public.audit_seals SELECT next_seal.*;
        RETURN NEXT next_seal;
        last_seal := next_seal;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION seal_audit FROM public;
