"""Dagster's history of the runs of this process: held in memory while a run goes on, and written once when it ends."""
