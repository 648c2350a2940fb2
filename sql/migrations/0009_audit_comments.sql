-- What the seals mean, for whoever opens the database with a client. The whole format is in docs/audit.md.

COMMENT ON COLUMN audit_log.id IS 'Random: makes the hash of an event unguessable';
COMMENT ON COLUMN audit_log.seq IS 'The order of events; rolled-back transactions leave gaps in it';
COMMENT ON FUNCTION audit_event_text IS
'recon-audit-v1, frozen: twelve lines in UTF-8 joined by a line feed: the version, seq, id, event_time in microseconds
since 1970, actor, action, table_name (JSON strings), row_count, run_id, old_value, new_value, context (jsonb as printed);
NULL is an empty line';
COMMENT ON FUNCTION audit_event_leaf IS 'SHA-256 of 0x00 and the text: a leaf of RFC 6962';
COMMENT ON FUNCTION merkle_root IS
'The tree head of RFC 6962 over leaf hashes: inner nodes are SHA-256 of 0x01, left, right';
COMMENT ON FUNCTION seal_audit IS 'Seal every event that is there; returns the new seals';
COMMENT ON FUNCTION verify_audit IS
'Recompute the record inside the database: one row per problem. `recon audit verify` does it independently';

COMMENT ON TABLE audit_seals IS 'Chained hashes over ranges of audit_log, numbered from 1 without a gap; append-only';
COMMENT ON COLUMN audit_seals.prev_hash IS
'seal_hash of the seal before it; of the first one SHA-256 of recon-genesis-v1';
COMMENT ON COLUMN audit_seals.from_seq IS 'One after to_seq of the seal before it';
COMMENT ON COLUMN audit_seals.row_count IS 'Events from from_seq to to_seq';
COMMENT ON COLUMN audit_seals.merkle_root IS 'Tree head of RFC 6962 over the leaves of these events, by seq';
COMMENT ON COLUMN audit_seals.seal_hash IS
'SHA-256 of recon-seal-v1|seal_no|prev_hash|from_seq|to_seq|row_count|merkle_root|sealed_at, hashes in hex, the time in
microseconds since 1970; keep the newest one outside this database';
