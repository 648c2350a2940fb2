"""Dagster's instance for a process that executes its runs itself."""

import dagster as dg
from dagster._core.instance import InstanceType
from dagster._core.instance.ref import InstanceRef

from recon_assets.resources.run_history.storage import EventsOfThisProcess, History, RunsOfThisProcess
from recon_assets.resources.run_history.tables import RunTables
from recon_assets.store.database import Database


def instance_of_this_process(reference: InstanceRef, database: Database) -> dg.DagsterInstance | None:
    """What `DagsterInstance.from_ref` makes, but for the storage of runs and events.

    Tables that are not there are made by Dagster first. None when they are of a version that we do not write.
    """
    tables = RunTables(database)
    history = History(reference, tables)
    if not tables.are_known():
        history.make_tables()
        if not tables.are_known():
            tables.close()
            return None
    return dg.DagsterInstance(
        instance_type=InstanceType.PERSISTENT,
        local_artifact_storage=reference.local_artifact_storage,
        run_storage=RunsOfThisProcess(history),  # type: ignore[abstract]
        event_storage=EventsOfThisProcess(history),  # type: ignore[abstract]
        compute_log_manager=None,
        run_coordinator=None,
        run_launcher=None,
        settings=reference.settings,
        ref=reference,
    )
