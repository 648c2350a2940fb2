"""What must hold in the record of one processor-day at any moment, and after the retry. Each finding is a sentence."""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row

from recon_assets.store.staging import MATCHING_COLUMNS, STAGED_COLUMNS
from recon_assets_tests.faults.days import PreparedDay

FINISHED = ("completed", "incomplete")
_PROOF_FIELDS = (
    "currency",
    "exponent",
    "processor_total_minor",
    "ledger_total_minor",
    "signed_discrepancies_minor",
    "discrepancy_count",
    "discrepancy_amount_minor",
    "volume_minor",
)


def violations(
    connection: psycopg.Connection,
    processor: str,
    inputs: Mapping[str, PreparedDay],
    *,
    said_published: Iterable[str] = (),
    settled: bool = False,
    audited: bool = True,
) -> list[str]:
    """`inputs` by idempotency key; `said_published` are keys whose workers were told so; `settled`: after the retry."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        runs = cursor.execute(
            "SELECT * FROM reconciliation_runs WHERE processor_name = %s ORDER BY version", [processor]
        ).fetchall()
        found = _of_versions(runs, said_published, settled=settled)
        for run in runs:
            found += _of_rows(cursor, run, inputs)
            if audited:
                found += _of_proofs(cursor, run, inputs) + _of_what_goes_with_it(cursor, run) + _of_audit(cursor, run)
    return found


def _of_versions(runs: list[dict], said_published: Iterable[str], *, settled: bool) -> list[str]:
    found = []
    finished = [run for run in runs if run["status"] in FINISHED]
    current = [run for run in runs if run["is_current"]]
    if len(current) != bool(finished):
        found.append(f"{len(current)} current runs")
    elif current and current[0] is not finished[-1]:
        found.append("the current run is not the newest answer")
    if [run["version"] for run in runs] != list(range(1, len(runs) + 1)):
        found.append("the versions are not dense")
    keys = [run["idempotency_key"] for run in finished]
    if len(keys) != len(set(keys)):
        found.append("a key was published twice")
    found += [f"{key} was said to be published and is not" for key in said_published if key not in keys]
    if settled and any(run["status"] == "running" for run in runs):
        found.append("a run is still running")
    return found


def _of_rows(cursor: psycopg.Cursor, run: dict, inputs: Mapping[str, PreparedDay]) -> list[str]:
    query = f"SELECT {STAGED_COLUMNS} FROM discrepancies WHERE run_id = %s".encode()
    rows = [{name: _plain(value) for name, value in row.items()} for row in cursor.execute(query, [run["id"]])]
    if run["status"] not in FINISHED:
        return [f"{len(rows)} rows of a run that is {run['status']}"] if rows else []
    expected = [
        {name: _plain(row.get(name)) for name in MATCHING_COLUMNS.names} for row in inputs[run["idempotency_key"]].rows
    ]
    if _sorted(rows) != _sorted(expected):
        return [f"the rows are not the input's: {len(rows)} for {len(expected)}"]
    return [] if run["discrepancy_count"] == len(rows) else ["the run's count is not that of its rows"]


def _of_proofs(cursor: psycopg.Cursor, run: dict, inputs: Mapping[str, PreparedDay]) -> list[str]:
    proofs = cursor.execute("SELECT * FROM reconciliation_proofs WHERE run_id = %s", [run["id"]]).fetchall()
    if run["status"] not in FINISHED:
        return ["proofs of a run without an answer"] if proofs else []
    answer = inputs[run["idempotency_key"]].answer
    expected = {tuple(getattr(proof, name) for name in _PROOF_FIELDS) for proof in answer.proofs}
    same = {tuple(proof[name] for name in _PROOF_FIELDS) for proof in proofs} == expected
    return [] if same and len(proofs) == len(expected) else ["the proofs are not the answer's"]


def _of_what_goes_with_it(cursor: psycopg.Cursor, run: dict) -> list[str]:
    """One message about every end that is to be told; matches and outcomes with every answer and with no other."""
    messages, matched, outcomes = (
        cursor.execute(query, [run["id"]]).fetchone()["found"]
        for query in (
            "SELECT coalesce(array_agg(kind), '{}') AS found FROM outbox WHERE run_id = %s",
            "SELECT sum(match_count)::bigint AS found FROM matches WHERE run_id = %s",
            "SELECT count(*) AS found FROM data_quality_checks WHERE run_id = %s",
        )
    )
    finished = run["status"] in FINISHED
    told = ["run_published"] if finished else ["run_failed"] if run["status"] == "failed" else []
    found = [] if messages == told else [f"a run that is {run['status']} has the messages {messages}"]
    if (matched, outcomes) != ((run["matched_count"], 1) if finished else (None, 0)):
        found.append(f"a run that is {run['status']} has {matched} matches and {outcomes} outcomes")
    return found


def _of_audit(cursor: psycopg.Cursor, run: dict) -> list[str]:
    """The last event of the run is its row, and the digest of its rows is that of the rows that are there."""
    found = []
    last = cursor.execute(
        """
        SELECT a.new_value = to_jsonb(r) AS same FROM reconciliation_runs AS r
        JOIN audit_log AS a ON a.run_id = r.id AND a.table_name = 'reconciliation_runs'
        WHERE r.id = %s ORDER BY a.seq DESC LIMIT 1
        """,
        [run["id"]],
    ).fetchone()
    if not last or not last["same"]:
        found.append("the audit log's last event is not the run's row")
    for table in ("discrepancies", "discrepancy_events", "matches", "reconciliation_proofs"):
        events = cursor.execute(
            "SELECT sum(row_count) AS n, min(new_value ->> 'sha256') AS digest, count(*) AS events FROM audit_log "
            "WHERE run_id = %s AND table_name = %s",
            [run["id"], table],
        ).fetchone()
        rows = cursor.execute(
            f"""
            SELECT count(*) AS n, encode(sha256(string_agg(d, ''::bytea ORDER BY d)), 'hex') AS digest
            FROM (SELECT sha256(convert_to(t::text, 'UTF8')) AS d FROM {table} AS t WHERE run_id = %s) AS x
            """.encode(),
            [run["id"]],
        ).fetchone()
        if (events["n"] or 0) != rows["n"]:
            found.append(f"the audit log counts other {table}")
        elif events["events"] == 1 and events["digest"] != rows["digest"]:
            found.append(f"the audit log's digest of {table} is another")
        elif table == "discrepancies" and rows["n"] and events["events"] != 1:
            found.append("the rows came in more than one event")
    return found


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int) else str(value)


def _sorted(rows: list[dict]) -> list[list[str]]:
    return sorted([repr(row[name]) for name in MATCHING_COLUMNS.names] for row in rows)
