"""Tags that say of a Dagster run who launched it and what it is a part of. Imports nothing, as commands read them."""

from typing import Final

PROCESSOR: Final = "processor"
"""Whose days a run is of; of several they stand in order, separated by commas."""

LAUNCHED_BY: Final = "recon/launched_by"
COMMAND_LINE: Final = "command line"
"""The value where `recon` runs it in its own process."""

DAGSTER_BACKFILL: Final = "dagster/backfill"
RECON_BACKFILL: Final = "recon/backfill"
"""Of runs that fill a range of days: Dagster's own, from its UI, and that of `recon backfill`."""
