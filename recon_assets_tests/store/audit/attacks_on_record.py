"""Attacks on what is written: events, seals, runs, discrepancies, matches, proofs, outcomes of checks, settings."""

from typing import Final

from recon_assets_tests.store.audit.attack import (
    CHAIN,
    HEAD,
    NO_ROWS,
    NOT_FOUND,
    REFUSED,
    REFUSED_TO_ALL,
    ROWS,
    RULES,
    SEALER,
    Attack,
    Step,
    both,
    unforced,
    unseen,
    without_triggers,
)
from recon_assets_tests.store.tenants import B

ONLY_IN_AUDIT: Final = (REFUSED, REFUSED)
"""Application and schema owner may not touch the tables of the audit."""

SWAP: Final = """
    DO $$ DECLARE moved audit_log[]; BEGIN
        SELECT array_agg(e) INTO moved FROM audit_log AS e WHERE seq IN (2, 3);
        DELETE FROM audit_log WHERE seq IN (2, 3);
        INSERT INTO audit_log (
            seq, id, event_time, actor, action, table_name, row_count, run_id, old_value, new_value, context
        ) OVERRIDING SYSTEM VALUE
        SELECT 5 - m.seq, m.id, m.event_time, m.actor, m.action, m.table_name, m.row_count, m.run_id, m.old_value,
            m.new_value, m.context
        FROM unnest(moved) AS m;
    END $$
"""
LAST: Final = "(SELECT max(seal_no) FROM audit_seals)"
A_GAP: Final = """
    SELECT min(g) FROM generate_series(1, (SELECT max(seq) FROM audit_log)) AS g
    WHERE NOT EXISTS (SELECT FROM audit_log WHERE seq = g)
"""


def _in_log_and_seals(change: str) -> str:
    return without_triggers("audit_log", without_triggers("audit_seals", change))


ON_EVENTS: Final = (
    Attack("an event is changed", "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2", REFUSED_TO_ALL),
    Attack("an event is deleted", "DELETE FROM audit_log WHERE seq = 2", REFUSED_TO_ALL),
    Attack("the audit log is emptied", "TRUNCATE audit_log", REFUSED_TO_ALL),
    Attack(
        "an event is changed as a replica would",
        "SET session_replication_role = replica; UPDATE audit_log SET actor = 'nobody' WHERE seq = 2",
        REFUSED_TO_ALL,
    ),
    Attack(
        "an event's actor is changed, triggers off for that time",
        without_triggers("audit_log", "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"),
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
    ),
    Attack(
        "an event is deleted, triggers off for that time",
        without_triggers("audit_log", "DELETE FROM audit_log WHERE action = 'DELETE'"),
        (*ONLY_IN_AUDIT, both(CHAIN, ROWS), both(CHAIN, ROWS)),
    ),
    Attack(
        "two events change places, triggers off for that time",
        without_triggers("audit_log", SWAP),
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
    ),
    Attack(
        "an event is put into a gap of the numbers (OVERRIDING SYSTEM VALUE)",
        f"INSERT INTO audit_log (seq, action) OVERRIDING SYSTEM VALUE SELECT ({A_GAP}), 'forged'",
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
    ),
    Attack(
        "the numbers of events are set back into a gap, then the application writes",
        f"SELECT setval('audit_log_seq_seq', ({A_GAP}), FALSE)",
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
        then=Step.WRITE,
    ),
    Attack(
        "a new false event",
        "INSERT INTO audit_log (actor, action, table_name) VALUES ('recon', 'UPDATE', 'system_health')",
        (*ONLY_IN_AUDIT, NOT_FOUND, NOT_FOUND),
    ),
    Attack(
        "a new event is made false before it is sealed",
        without_triggers(
            "audit_log", "UPDATE audit_log SET actor = 'nobody' WHERE seq = (SELECT max(seq) FROM audit_log)"
        ),
        (*ONLY_IN_AUDIT, NOT_FOUND, NOT_FOUND),
        first=Step.WRITE,
    ),
    Attack(
        "a setting is changed without an event, then a false event speaks of it",
        unseen("system_configuration", "UPDATE system_configuration SET value = '3' WHERE key = 'other'")
        + """;
        INSERT INTO audit_log (actor, action, table_name, old_value, new_value)
        SELECT 'recon', 'UPDATE', 'system_configuration', to_jsonb(s), to_jsonb(s) FROM system_configuration AS s
        WHERE key = 'other'
        """,
        (REFUSED, REFUSED, REFUSED, NOT_FOUND),
    ),
)

ON_SEALS: Final = (
    Attack("a seal is changed", "UPDATE audit_seals SET merkle_root = sha256('') WHERE seal_no = 2", REFUSED_TO_ALL),
    Attack("a seal is deleted", "DELETE FROM audit_seals WHERE seal_no = 2", REFUSED_TO_ALL),
    Attack("the seals are emptied", "TRUNCATE audit_seals", REFUSED_TO_ALL),
    Attack(
        "a false seal is added",
        """
        INSERT INTO audit_seals
        SELECT seal_no + 1, seal_hash, to_seq + 1, to_seq + 1, 1, merkle_root, sealed_at, sha256('')
        FROM audit_seals ORDER BY seal_no DESC LIMIT 1
        """,
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
    ),
    Attack(
        "the time of a seal is changed, triggers off for that time",
        without_triggers("audit_seals", "UPDATE audit_seals SET sealed_at = sealed_at - interval '1 day'"),
        (*ONLY_IN_AUDIT, CHAIN, CHAIN),
    ),
    Attack(
        "the time of the last seal is changed and its hash made anew",
        without_triggers(
            "audit_seals",
            f"""
            UPDATE audit_seals SET sealed_at = sealed_at - interval '1 day' WHERE seal_no = {LAST};
            UPDATE audit_seals AS s SET seal_hash = audit_seal_hash(s) WHERE seal_no = {LAST}
            """,
        ),
        (*ONLY_IN_AUDIT, HEAD, HEAD),
    ),
    Attack(
        "the last seals are cut off",
        without_triggers("audit_seals", "DELETE FROM audit_seals WHERE seal_no >= 3"),
        (*ONLY_IN_AUDIT, HEAD, HEAD),
    ),
    Attack(
        "an event is changed and everything sealed anew to the end",
        _in_log_and_seals(
            """
            UPDATE audit_log SET actor = 'nobody' WHERE seq = 2;
            DELETE FROM audit_seals;
            SELECT seal_audit()
            """
        ),
        (*ONLY_IN_AUDIT, HEAD, HEAD),
    ),
    Attack(
        "the last events are cut off with their seal",
        _in_log_and_seals(
            f"""
            DELETE FROM audit_log WHERE seq >= (SELECT from_seq FROM audit_seals WHERE seal_no = {LAST});
            DELETE FROM audit_seals WHERE seal_no = {LAST}
            """
        ),
        (*ONLY_IN_AUDIT, both(HEAD, ROWS), both(HEAD, ROWS)),
    ),
    Attack(
        "the sealer is locked out by holding its lock",
        "SELECT pg_advisory_lock_shared(7311465203)",
        (SEALER, SEALER, SEALER, SEALER),
        then=Step.SEAL,
    ),
)

COPY_OF_A_ROW: Final = """
    DO $$ DECLARE names text; BEGIN
        SELECT string_agg(quote_ident(attname), ', ') INTO names FROM pg_attribute
        WHERE attrelid = 'public.discrepancies'::regclass
            AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'id';
        EXECUTE format(
            'INSERT INTO public.discrepancies (id, %s) SELECT gen_random_uuid(), %s FROM public.discrepancies '
            'WHERE (tenant_id, run_id) IN (SELECT tenant_id, id FROM public.reconciliation_runs WHERE is_current) ',
            names, names
        ) || '{more}';
    END $$
"""
EACH_PARTITION: Final = """
    DO $$ DECLARE name regclass; BEGIN
        FOR name IN
            SELECT relid FROM pg_partition_tree('discrepancies') WHERE isleaf
            UNION SELECT 'discrepancies'::regclass WHERE NOT EXISTS (SELECT FROM pg_partition_tree('discrepancies'))
        LOOP
            EXECUTE format('UPDATE %s SET amount_minor = amount_minor + 1', name);
        END LOOP;
    END $$
"""
MORE: Final = "UPDATE discrepancies SET amount_minor = amount_minor + 1"

ON_DISCREPANCIES: Final = (
    Attack("an amount is changed", MORE, REFUSED_TO_ALL),
    Attack("an amount is changed in the partition itself", EACH_PARTITION, REFUSED_TO_ALL),
    Attack("a discrepancy is deleted", "DELETE FROM discrepancies", REFUSED_TO_ALL),
    Attack("the discrepancies are emptied", "TRUNCATE discrepancies", REFUSED_TO_ALL),
    Attack("a discrepancy is given to another tenant", f"UPDATE discrepancies SET tenant_id = '{B}'", REFUSED_TO_ALL),
    Attack(
        "a row is added to an answer that was given",
        COPY_OF_A_ROW.format(more=""),
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "a row is added to an answer that was given, another tenant set before the guard looks",
        COPY_OF_A_ROW.format(more=f"RETURNING set_config(''app.tenant_id'', ''{B}'', TRUE)"),
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "a row is added to an answer that was given with only the guard off, so that an event says so",
        unforced(
            "discrepancies",
            unforced(
                "reconciliation_runs",
                f"""
                ALTER TABLE discrepancies DISABLE TRIGGER guard_rows;
                {COPY_OF_A_ROW.format(more="")};
                SET CONSTRAINTS ALL IMMEDIATE;
                ALTER TABLE discrepancies ENABLE ALWAYS TRIGGER guard_rows
                """,
            ),
        ),
        (REFUSED, RULES, REFUSED, RULES),
    ),
    Attack(
        "an amount is changed, triggers off for that time",
        without_triggers("discrepancies", MORE),
        (REFUSED, NO_ROWS, REFUSED, ROWS),
    ),
    Attack(
        "an amount is changed, triggers and row-level security off for that time",
        unseen("discrepancies", MORE),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "discrepancies are deleted, triggers and row-level security off for that time",
        unseen("discrepancies", "DELETE FROM discrepancies"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
)

A_FIGURE: Final = "UPDATE reconciliation_runs SET matched_count = 26 WHERE is_current"

ON_RUNS: Final = (
    Attack("a run's figure is changed", A_FIGURE, (REFUSED, NO_ROWS, REFUSED, REFUSED)),
    Attack(
        "a figure of another tenant's run is changed, that tenant set",
        f"SELECT set_config('app.tenant_id', '{B}', TRUE); {A_FIGURE}",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "a completed run is reopened",
        "UPDATE reconciliation_runs SET status = 'running', is_current = FALSE, end_time = NULL WHERE is_current",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "an older answer is made the current one",
        """
        UPDATE reconciliation_runs SET is_current = TRUE, superseded_by = NULL, superseded_at = NULL
        WHERE superseded_by IS NOT NULL
        """,
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "the current answer is put away without a newer one",
        """
        UPDATE reconciliation_runs SET is_current = FALSE, superseded_by = id, superseded_at = now() WHERE is_current
        """,
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack("a run is deleted", "DELETE FROM reconciliation_runs", REFUSED_TO_ALL),
    Attack("the runs are emptied", "TRUNCATE reconciliation_runs CASCADE", REFUSED_TO_ALL),
    Attack(
        "a figure is changed, triggers and row-level security off for that time",
        unseen("reconciliation_runs", A_FIGURE),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "a figure is changed with only the guard off, so that an event says so",
        unforced(
            "reconciliation_runs",
            f"""
            ALTER TABLE reconciliation_runs DISABLE TRIGGER guard_run;
            {A_FIGURE};
            ALTER TABLE reconciliation_runs ENABLE ALWAYS TRIGGER guard_run
            """,
        ),
        (REFUSED, RULES, REFUSED, RULES),
    ),
)

ON_MATCHES_ACROSS_DAYS: Final = (
    Attack(
        "a match across days is changed",
        "UPDATE prior_day_matches SET amount_minor = amount_minor + 1",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack("a match across days is deleted", "DELETE FROM prior_day_matches", REFUSED_TO_ALL),
    Attack(
        "a match across days of another tenant is ended without an answer, that tenant set",
        f"SELECT set_config('app.tenant_id', '{B}', TRUE);"
        "UPDATE prior_day_matches SET ended_by = found_by, ended_at = now()",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "a match across days is deleted, triggers and row-level security off for that time",
        unseen("prior_day_matches", "DELETE FROM prior_day_matches"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "a match across days is changed with only the guard off, so that an event says so",
        unforced(
            "prior_day_matches",
            """
            ALTER TABLE prior_day_matches DISABLE TRIGGER guard_match;
            UPDATE prior_day_matches SET amount_minor = amount_minor + 1;
            SET CONSTRAINTS ALL IMMEDIATE;
            ALTER TABLE prior_day_matches ENABLE ALWAYS TRIGGER guard_match
            """,
        ),
        (REFUSED, REFUSED, REFUSED, RULES),
    ),
)

ON_ARCHIVES: Final = (
    Attack(
        "the manifest of an archived day of another tenant is replaced by another one, that tenant set",
        f"SELECT set_config('app.tenant_id', '{B}', TRUE);"
        "UPDATE reconciliation_runs SET manifest_sha256 = repeat('f', 64) WHERE manifest_sha256 IS NOT NULL",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack(
        "an archive of another tenant is said to be of other files, that tenant set",
        f"SELECT set_config('app.tenant_id', '{B}', TRUE); UPDATE archives SET folder = 'reports/a/b/c'",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack("an archive is deleted", "DELETE FROM archives", REFUSED_TO_ALL),
    Attack(
        "an archive is deleted, triggers and row-level security off for that time",
        unseen("archives", "DELETE FROM archives"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
)

ON_THE_REST: Final = (
    Attack("a proof is changed", "UPDATE reconciliation_proofs SET volume_minor = 0", REFUSED_TO_ALL),
    Attack("a proof is deleted", "DELETE FROM reconciliation_proofs", REFUSED_TO_ALL),
    Attack(
        "a proof is changed, triggers and row-level security off for that time",
        unseen("reconciliation_proofs", "UPDATE reconciliation_proofs SET volume_minor = 0"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "the outcome of a check is changed",
        "UPDATE data_quality_checks SET passed = NOT passed",
        (REFUSED, NO_ROWS, REFUSED, REFUSED),
    ),
    Attack("the outcome of a check is deleted", "DELETE FROM data_quality_checks", REFUSED_TO_ALL),
    Attack(
        "the outcome of a check is changed, triggers and row-level security off for that time",
        unseen("data_quality_checks", "UPDATE data_quality_checks SET passed = NOT passed"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "the outcome of a check is changed with only the guard off, so that an event says so",
        unforced(
            "data_quality_checks",
            """
            ALTER TABLE data_quality_checks DISABLE TRIGGER guard_check;
            UPDATE data_quality_checks SET passed = NOT passed;
            ALTER TABLE data_quality_checks ENABLE ALWAYS TRIGGER guard_check
            """,
        ),
        (REFUSED, RULES, REFUSED, RULES),
    ),
    Attack("the configuration is emptied", "TRUNCATE system_configuration", REFUSED_TO_ALL),
    Attack(
        "a setting is changed, triggers and row-level security off for that time",
        unseen("system_configuration", "UPDATE system_configuration SET value = '3' WHERE key = 'other'"),
        (REFUSED, ROWS, REFUSED, ROWS),
    ),
    Attack(
        "a setting is changed together with its id, so that no event speaks of it",
        "UPDATE system_configuration SET id = gen_random_uuid(), value = '3' WHERE key = 'other'",
        (REFUSED, NO_ROWS, REFUSED, ROWS),
    ),
)

ATTACKS_ON_RECORD: Final = (
    *ON_EVENTS,
    *ON_SEALS,
    *ON_DISCREPANCIES,
    *ON_RUNS,
    *ON_MATCHES_ACROSS_DAYS,
    *ON_ARCHIVES,
    *ON_THE_REST,
)
