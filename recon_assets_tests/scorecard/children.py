"""Runs what is measured, each in a child process of its own, one after the other, and keeps the median.

A round runs every child once, so that a busy minute of the machine falls on all of them.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

TIMEOUT_S: Final = 900


@dataclass(frozen=True, slots=True)
class Measured:
    """One child: its CPU seconds in each round, medians of the rest, and what it told besides in its last round."""

    cpu_s_of_rounds: tuple[float, ...]
    wall_s: float
    peak_mib: float
    told: Mapping[str, Any]

    @property
    def rounds(self) -> int:
        return len(self.cpu_s_of_rounds)

    @property
    def cpu_s(self) -> float:
        """The median."""
        return median(self.cpu_s_of_rounds)

    def times(self, other: "Measured") -> float:
        """How many times the CPU seconds of another: the median of the ratios within a round that both ran in."""
        return median(own / its for own, its in zip(self.cpu_s_of_rounds, other.cpu_s_of_rounds, strict=False))


class ChildFailed(Exception):
    """A child ended badly; the text is its last line."""


def own(module: str, *arguments: object) -> list[str]:
    """The command of a module of the scorecard, in our interpreter."""
    return [sys.executable, "-m", f"recon_assets_tests.scorecard.{module}", *map(str, arguments)]


def measure(
    commands: Mapping[str, Sequence[str]], *, rounds: int, less: Mapping[str, int] | None = None
) -> dict[str, Measured | ChildFailed]:
    """Run the commands in turn, `rounds` times, those in `less` so often only; one that failed is not asked again."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    failed: dict[str, Measured | ChildFailed] = {}
    for number in range(rounds):
        for name, command in commands.items():
            if name not in failed and number < (less or {}).get(name, rounds):
                try:
                    told[name].append(told_by(command))
                except ChildFailed as error:
                    failed[name] = error
    return {name: failed.get(name) or _median(told[name]) for name in commands}


def told_by(command: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """What one child tells at its end. Raises `ChildFailed` when it has none, or not in time."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"stopped after {timeout_s:.0f} s") from None
    if done.returncode:
        raise ChildFailed((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _median(rounds: Sequence[Mapping[str, Any]]) -> Measured:
    wall_s, peak_mib = (median(one[name] for one in rounds) for name in ("wall_s", "peak_mib"))
    return Measured(tuple(one["cpu_s"] for one in rounds), wall_s, peak_mib, rounds[-1])
