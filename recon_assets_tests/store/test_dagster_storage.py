"""Dagster's storage on the embedded server, in real processes: each starts or joins it, the last one stops it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.store.embedded import EmbeddedServer

DAGSTER_YAML = """
storage: {custom: {module: recon_assets.resources.dagster_storage, class: ReconDagsterStorage, config: {}}}
telemetry: {enabled: false}
"""

RUN_A_JOB = """
import sys
from pathlib import Path
import dagster as dg
from dagster._serdes import serialize_value

@dg.op
def nothing(): ...

@dg.job
def tiny():
    nothing()

with dg.DagsterInstance.get() as instance:
    result = tiny.execute_in_process(instance=instance)
    assert result.success
    Path(sys.argv[1]).write_text(serialize_value(instance.get_ref()))
    print(result.run_id)
"""

READ_IT_ELSEWHERE = """
import sys
from pathlib import Path
import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._serdes import deserialize_value

ref = deserialize_value(Path(sys.argv[1]).read_text(), InstanceRef)
with dg.DagsterInstance.from_ref(ref) as instance:
    run = instance.get_run_by_id(sys.argv[2])
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert len(instance.all_logs(sys.argv[2])) > 5
    storage = ref.storage
    for own, given in (
        (storage.run_storage_data, ref.run_storage_data),
        (storage.event_storage_data, ref.event_storage_data),
        (storage.schedule_storage_data, ref.schedule_storage_data),
    ):
        assert (own.module_name, own.class_name) == (given.module_name, given.class_name)
    assert storage.run_storage_data.rehydrate(as_type=RunStorage).has_run(sys.argv[2])
    assert storage.event_storage_data.rehydrate(as_type=EventLogStorage).get_logs_for_run(sys.argv[2])
    assert storage.schedule_storage_data.rehydrate(as_type=ScheduleStorage).all_instigator_state() == []
print("read")
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="recon-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "dagster.yaml").write_text(DAGSTER_YAML)
        yield folder


def python(home: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "RECON_"))}
    environment |= {"DAGSTER_HOME": str(home), "RECON_DATA_DIR": str(home / "data")}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out.strip().splitlines()[-1]


def test_a_run_of_one_process_is_read_by_another_through_the_instances_reference(home: Path) -> None:
    # two at once: both find no server and no tables
    first, second = (python(home, RUN_A_JOB, str(home / f"ref{number}")) for number in range(2))
    run_id = output_of(first)
    assert output_of(second) != run_id
    assert not EmbeddedServer(home / "data").is_running()
    assert output_of(python(home, READ_IT_ELSEWHERE, str(home / "ref0"), run_id)) == "read"
    assert not EmbeddedServer(home / "data").is_running()
