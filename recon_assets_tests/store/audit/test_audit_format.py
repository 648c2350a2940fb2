"""The frozen format: the same bytes in SQL and in Python, and the same as on the day it was frozen."""

import hashlib

import psycopg
import pytest

from recon_assets.store.audit_format import AuditEvent, MerkleTree, RowText, Seal, event_leaf, event_text
from recon_assets_tests.store.audit.tampering import STRANGE

EVENT = AuditEvent(
    seq="7",
    id="00000000-0000-4000-8000-000000000001",
    event_time_us="1759276800123456",
    actor="recon",
    action="UPDATE",
    table_name=None,
    row_count="1",
    run_id=None,
    old_value="null",
    new_value='{"a": "b\\nc"}',
    context="{}",
)
INSERT = """
    INSERT INTO audit_log
        (seq, id, event_time, actor, action, table_name, row_count, run_id, old_value, new_value, context)
    OVERRIDING SYSTEM VALUE
    VALUES (%s, %s, timestamptz '1970-01-01 00:00:00+00' + %s * interval '1 us', %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING audit_event_text(audit_log), audit_event_leaf(audit_log)
"""


def test_the_text_of_an_event_is_frozen() -> None:
    assert event_text(EVENT) == (
        "recon-audit-v1\n7\n00000000-0000-4000-8000-000000000001\n1759276800123456\n"
        '"recon"\n"UPDATE"\n\n1\n\nnull\n{"a": "b\\nc"}\n{}'
    )
    assert event_leaf(EVENT).hex() == hashlib.sha256(b"\0" + event_text(EVENT).encode()).hexdigest()
    assert event_leaf(EVENT).hex() == "38fafe4fd61bf3ba63b1c6bc877756163f91a9b791a6b417532b040628fc591b"


def test_the_hash_of_a_seal_is_frozen() -> None:
    seal = Seal(2, bytes(32), 5, 9, 4, bytes(range(32)), 1759276800123456, b"")
    text = f"recon-seal-v1|2|{'00' * 32}|5|9|4|{bytes(range(32)).hex()}|1759276800123456"
    assert seal.computed_hash() == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"actor": STRANGE, "action": STRANGE, "table_name": STRANGE},
        {"table_name": ""},
        {"old_value": None, "new_value": None, "run_id": "11111111-1111-4111-8111-111111111111"},
        {"new_value": '{"b": 1.50, "a": [null, true, "\\u0001\\u2028\\ud83d\\ude00"], "": 12345678901234567890}'},
        {"event_time_us": "-86400000001", "row_count": "0"},
        {"event_time_us": "9000000000000000"},
    ],
)
def test_sql_and_python_agree_on_an_event_under_any_setting(connection: psycopg.Connection, changes: dict) -> None:
    event = EVENT._replace(**changes)
    for setting in ("TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German, DMY'", "bytea_output = 'escape'"):
        connection.execute(f"SET LOCAL {setting}".encode())
    text, leaf = connection.execute(INSERT, event).fetchone()
    stored = connection.execute("SELECT old_value::text, new_value::text FROM audit_log").fetchone()
    event = event._replace(old_value=stored[0], new_value=stored[1])
    assert text == event_text(event)
    assert leaf == event_leaf(event)


def test_sql_and_python_agree_on_the_tree_of_any_size(connection: psycopg.Connection) -> None:
    tree = MerkleTree()
    leaves: list[bytes] = []
    for size in range(70):
        (root,) = connection.execute("SELECT merkle_root(%s::bytea[])", [leaves]).fetchone()
        assert tree.root() == root == rfc_6962(leaves), size
        leaves.append(hashlib.sha256(bytes([size])).digest())
        tree.add(leaves[-1])


def rfc_6962(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1 defines it, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + rfc_6962(leaves[:split]) + rfc_6962(leaves[split:])).digest()


def test_a_row_is_written_as_the_server_writes_it() -> None:
    types = {"bb": "text", "a": "numeric", "ca": "bool", "d": "timestamptz", "e": "jsonb", "f": "int8"}
    row = RowText(list(types.items()))
    values = ['x"', "-1.50", "f", "2025-09-30 12:00:00.5+00", '{"k": 1}', None]
    assert row.of(values) == (
        '{"a": -1.50, "d": "2025-09-30T12:00:00.5+00:00", "e": {"k": 1}, "f": null, "bb": "x\\"", "ca": false}'
    )
