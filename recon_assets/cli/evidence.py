"""Where the files of an answer are: in the storage as the answer names them, else in its copy in the archive.

What belongs here: finding files, for `recon explain` and `recon simulate`. Nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.domain.errors import EvidenceGone
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from recon_assets.matching.evidence_files import DayFiles
    from recon_assets.matching.rules import MatchingRules
    from recon_assets.resources.storage import Storage
    from recon_assets.store.explanations import Answer

FRAMES: Final = {Side.PROCESSOR: "transactions", Side.LEDGER: "ledger_entries"}
"""The same words in an answer's evidence, as folders of the storage, and before `.parquet` in the archive."""
_MATCHING: Final = "matching"
_RULES: Final = "rules"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The files of one answer. `rules` is what they were matched by."""

    processor: str
    answer: "Answer"
    files: "DayFiles"
    rules: Path
    root: Path
    """Of the storage."""
    attempt: Path
    """The folder of the attempt in it, whether or not it is there."""
    archived: Path
    """The folder of the copy, whether or not it is there."""

    @property
    def business_date(self) -> date:
        """The day of the answer."""
        return self.answer.business_date

    def matching_rules(self) -> "MatchingRules":
        """Raises `EvidenceGone` when the file does not hold the rules of the answer."""
        from pydantic import ValidationError

        from recon_assets.matching.rules import MatchingRules

        try:
            rules = MatchingRules.model_validate_json(self.rules.read_bytes())
        except (OSError, ValidationError):
            rules = None
        if rules is None or rules.version != self.answer.rule_version:
            raise EvidenceGone(
                f"the rules of {self.processor} {self.business_date} are not those of its answer any more",
                where=self.rules.name,
                remedy="It was changed, or is of another version of this program: restore it, or run the day again.",
            )
        return rules

    def check_frames(self) -> None:
        """Raises `EvidenceGone` when a frame is not the one that the answer was given with."""
        import hashlib

        for name, frame in (("transactions", self.files.transactions), ("ledger_entries", self.files.ledger_entries)):
            with frame.open("rb") as opened:
                is_same = hashlib.file_digest(opened, "sha256").hexdigest() == self.answer.evidence.get(
                    f"{name}_sha256"
                )
            if not is_same:
                raise EvidenceGone(
                    f"the {name.replace('_', ' ')} of {self.processor} {self.business_date} are not those of its"
                    " answer any more",
                    where=frame.name,
                    remedy="The file was changed: restore it, or run the day again.",
                )

    def raw_file(self, side: Side, name: str) -> Path | None:
        """A raw file, if it is still there."""
        stage = f"raw_{side}_feed"
        places = (self._raw_folder(side), self.archived / stage)
        return next((place / name for place in places if (place / name).is_file()), None)

    def _raw_folder(self, side: Side) -> Path:
        """As the matching handed it over: a day that was matched again alone has raw feeds of an older attempt."""
        import msgspec

        try:
            document: Mapping[str, Any] = msgspec.json.decode((self.attempt / "discrepancies.json").read_bytes())
            (folder,) = (feed["raw"]["folder"] for feed in document["feeds"] if feed["raw"]["side"] == side)
        except (OSError, msgspec.DecodeError, LookupError, TypeError, ValueError):
            return self.attempt / f"raw_{side}_feed"  # what is archived has the same
        return self.root / str(folder)


def evidence_of(storage: "Storage", processor: str, answer: "Answer") -> Evidence:
    """The files of an answer. Raises `EvidenceGone` when one is neither in the storage nor in the archive."""
    from recon_assets.matching.engine import CANDIDATES_FILE, DISCREPANCIES_FILE, MATCHES_FILE
    from recon_assets.matching.evidence_files import DayFiles

    named = answer.evidence
    if not all(named.get(name) for name in (*FRAMES.values(), _MATCHING, _RULES)):
        raise EvidenceGone(
            f"the answer of {processor} {answer.business_date} names no files",
            where=f"version {answer.version}",
            remedy=f"It is of an earlier version of this program: `recon run --processors {processor} --date"
            f" {answer.business_date}` makes it anew.",
        )
    archived = storage.archive / "reports" / answer.business_date.isoformat() / processor / str(answer.run_id)
    matching = storage.root / named[_MATCHING]
    needed = (DISCREPANCIES_FILE, MATCHES_FILE, CANDIDATES_FILE)
    folder = matching if all((matching / name).is_file() for name in needed) else archived
    stored = {side: storage.root / named[name] for side, name in FRAMES.items()}
    frames = {side: path if path.is_file() else archived / f"{FRAMES[side]}.parquet" for side, path in stored.items()}
    rules = storage.root / named[_RULES]
    rules = rules if rules.is_file() else archived / rules.name
    for path in (*frames.values(), *(folder / name for name in needed), rules):
        if not path.is_file():
            raise _gone(processor, answer, path.name)
    return Evidence(
        processor=processor,
        answer=answer,
        files=DayFiles(answer.business_date, frames[Side.PROCESSOR], frames[Side.LEDGER], folder),
        rules=rules,
        root=storage.root,
        attempt=matching.parent,
        archived=archived,
    )


def _gone(processor: str, answer: "Answer", file: str) -> EvidenceGone:
    day = answer.business_date
    return EvidenceGone(
        f"{file} of {processor} {day} is neither in the storage nor in the archive",
        where=f"version {answer.version}",
        remedy=f"Restore the day's folder, or `recon run --processors {processor} --date {day}` to make it anew.",
    )
