"""What is said of a finished frame: where it is, and how many records of a feed are in it, or are not, and why."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """One side of one processor-day on disk.

    `folder` is relative to the storage root; `file` and `rejected_file` are names in it. `rule_failures` counts every
    violation of a rule, `reject_reasons` every rejected row once, `left_out` the records that move no money, by why.
    Digest and size are those of `file`.
    """

    folder: str
    file: str
    rejected_file: str
    rows: int
    rejected_rows: int
    rule_failures: dict[str, int]
    reject_reasons: dict[str, int]
    sha256: str
    size_bytes: int
    left_out: dict[str, int] = field(default_factory=dict)
