"""What a verification gives back: problems with their places, and how much was looked at."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """Something is not as it was written. Of the places those are given that apply; no payment values."""

    check: str
    what: str
    seal_no: int | None = None
    event_seq: int | None = None
    run_id: str | None = None

    @property
    def where(self) -> str:
        """Seal, event and run, as far as they are known."""
        places = {"seal": self.seal_no, "event": self.event_seq, "run": self.run_id}
        return ", ".join(f"{name} {place}" for name, place in places.items() if place is not None) or "-"


@dataclass(slots=True)
class Verification:
    """`checked`: how many of each kind were looked at. `unsealed`: events after the last seal, not protected yet."""

    problems: list[Problem] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    unsealed: int = 0
