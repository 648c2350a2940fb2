"""The store of days that chain, as a dictionary: open records by day, and the live matches across days."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from recon_assets.matching.across_days import chained_window, days_needed
from recon_assets.matching.engine import Matching
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.days import match, rows_of
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.matching.oracle import AcrossDays

Frames = tuple[list[Record], list[Record]]


@dataclass
class Store:
    """What the database and the storage keep between runs: open records by day, and the live matches across days."""

    folder: Path
    rules: MatchingRules
    open_records: dict[date, Path] = field(default_factory=dict)
    across_days: set[AcrossDays] = field(default_factory=set)
    runs: int = 0

    def run(self, day: date, frames: Frames, *, complete: bool = True) -> Matching:
        """One run of one day, published as `assets/discrepancies.py` does."""
        self.runs += 1
        since, until = days_needed(day, self.rules)
        near = {other: file for other, file in self.open_records.items() if since <= other <= until and other != day}
        matching = match(
            self.folder / str(self.runs), *frames, self.rules, business_date=day, complete=complete, neighbours=near
        )
        self.open_records.pop(day, None)
        if matching.open_records is not None:
            self.open_records[day] = matching.open_records
        since, until = chained_window(day, self.rules)
        kept = {
            m for m in self.across_days if not (since <= m.processor_date <= until and since <= m.ledger_date <= until)
        }
        self.across_days = kept | {
            AcrossDays(*(row[name] for name in _COLUMNS)) for row in rows_of(matching.across_days)
        }
        return matching

    def by_address(self) -> set[AcrossDays]:
        """The live matches, with the records' places in their frames instead of their ids."""
        seqs = {
            (day, row["side"], row["discrepancy_id"]): row["seq"]
            for day, file in self.open_records.items()
            for row in rows_of(file)
        }
        return {
            found._replace(
                processor=seqs[found.processor_date, "processor", found.processor],
                ledger=seqs[found.ledger_date, "ledger", found.ledger],
            )
            for found in self.across_days
        }


_COLUMNS = ("processor_date", "processor_discrepancy_id", "ledger_date", "ledger_discrepancy_id", "pass")
