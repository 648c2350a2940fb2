"""What is left out of a run of the command line is there for whoever asks: each in a fresh process, as it happens."""

import subprocess
import sys

import pytest

BEGIN = """
import sys
import dagster
from recon_assets.resources.run_history.deferred import DEFERRED, _Deferred, defer
defer()
deferred = lambda: {name for name in DEFERRED if type(sys.modules[name]) is _Deferred}
assert deferred() == set(DEFERRED), deferred()
"""

DAGSTERS_OWN_STORAGE = """
from dagster_postgres.storage import DagsterPostgresStorage
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.event_log import EventLogStorage, InMemoryEventLogStorage
import dagster._core.storage.sql as sql
from dagster_postgres import PostgresRunStorage
assert issubclass(PostgresRunStorage, SqlRunStorage)
assert issubclass(InMemoryEventLogStorage, EventLogStorage)
with dagster.DagsterInstance.ephemeral() as instance:
    assert instance.get_runs() == []
    assert isinstance(instance.run_storage, SqlRunStorage)
assert "dagster._core.storage.runs" not in deferred()
from dagster._daemon import DagsterDaemonController
assert "dagster._daemon" not in deferred()
"""

ITS_BASES = """
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.event_log.base import EventLogStorage as same
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
assert EventLogStorage is same
assert deferred() == set(DEFERRED), deferred()
assert not {"sqlalchemy", "alembic", "grpc"} & set(sys.modules)
"""

ONE_NAME = """
from dagster._core.storage.sql import AlembicVersion as ours
import dagster._core.storage.sql as sql
assert deferred() == set(DEFERRED)
assert sql.create_engine is not None
assert "dagster._core.storage.sql" not in deferred()
assert sql.AlembicVersion == ours and sql.AlembicVersion is not ours, "as this Dagster has it"
"""

THE_CLASS_THAT_TELEMETRY_NAMES = """
from dagster._core.storage.runs import SqlRunStorage as named
assert "sqlalchemy" not in sys.modules
assert not isinstance(object(), named)
assert "sqlalchemy" in sys.modules
from dagster._core.storage.runs import SqlRunStorage
assert isinstance(SqlRunStorage, type) and named is not SqlRunStorage
class Derived(named): pass
assert Derived.__mro__[1] is SqlRunStorage and issubclass(Derived, named)
assert named.__module__ and named.add_run is SqlRunStorage.add_run
"""

WHAT_IS_NOT_THERE = """
import dagster._core.storage.event_log as package
assert not hasattr(package, "__path_of_nobody__") and deferred() == set(DEFERRED), "a look is no wish"
assert not hasattr(package, "NoSuchStorage")
try:
    package.NoSuchStorage
except AttributeError as error:
    assert "dagster._core.storage.event_log" in str(error)
else:
    raise AssertionError
from dagster._core.storage.event_log import *
assert SqlEventLogStorage is package.SqlEventLogStorage
"""

AGAIN_AND_LATE = """
import dagster._core.storage.runs as runs
runs.InMemoryRunStorage
defer()
assert sys.modules["dagster._core.storage.runs"] is runs and runs.__name__ not in deferred()
"""


@pytest.mark.parametrize(
    "program",
    [DAGSTERS_OWN_STORAGE, ITS_BASES, ONE_NAME, THE_CLASS_THAT_TELEMETRY_NAMES, WHAT_IS_NOT_THERE, AGAIN_AND_LATE],
)
def test_a_module_that_waits_is_what_an_import_would_have_given(program: str) -> None:
    ended = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
