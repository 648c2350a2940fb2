"""Faults one after another, from a seed: `python -m recon_assets_tests.faults.campaign --seed S --count N`.

`--only INDEX` replays one alone: the same kind, step, bytes and rows; what the operating system schedules is its own.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.bench import PROJECT, Bench, give_room, new_bench
from recon_assets_tests.faults.days import PreparedDay, prepare
from recon_assets_tests.faults.invariants import violations
from recon_assets_tests.faults.kinds import WEIGHTS, Case, disk_full, same_key_and_one_gives_up, workers_at_once
from recon_assets_tests.faults.worker import Job, publish_and_say, publish_day

MOST_ROWS = 400
ROWS_FOR_A_FULL_DISK = 3_000
ROUND = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]


@dataclass(slots=True)
class Findings:
    injected: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)

    def table(self) -> str:
        wrong = Counter(kind for _, kind, _ in self.violations)
        lines = ["| fault | injected | did not strike | violations |", "|---|---|---|---|"]
        for kind in WEIGHTS:
            name = kind.__name__
            if name in self.not_run:
                lines.append(f"| {name} | not run: {self.not_run[name]} | | |")
            else:
                lines.append(f"| {name} | {self.injected[name]} | {self.missed[name]} | {wrong[name]} |")
        totals = self.injected.total(), self.missed.total(), len(self.violations)
        return "\n".join([*lines, "| sum | {} | {} | {} |".format(*totals)])


def run_campaign(*, seed: int, indexes: Sequence[int]) -> Findings:
    findings = Findings()
    with ExitStack() as stack:
        bench = stack.enter_context(new_bench())
        small: Bench | None = None
        for index in indexes:
            kind = ROUND[index % len(ROUND)]
            if kind is disk_full and small is None and kind.__name__ not in findings.not_run:
                try:
                    small = stack.enter_context(new_bench(small_disk=True))
                except (PermissionError, FileNotFoundError) as error:
                    findings.not_run[kind.__name__] = str(error)
            on = small if kind is disk_full else bench
            if on is not None:
                _one(on, seed, index, findings)
        if small is not None:
            give_room(small)
        for used in filter(None, (bench, small)):
            findings.violations += [(-1, "the whole record", text) for text in _verified(used)]
    return findings


def _verified(bench: Bench) -> list[str]:
    """After everything: does the chain verify, with every row of every case?"""
    with session_as_superuser(bench.database) as connection:
        seal_audit(connection)
        found = verify_audit(connection, sql_dir=PROJECT / "sql")
    unsealed = [f"{found.unsealed} events are not sealed"] if found.unsealed else []
    return unsealed + [f"{problem.check} {problem.where}: {problem.what}" for problem in found.problems]


def _one(bench: Bench, seed: int, index: int, findings: Findings) -> None:
    kind, rng = ROUND[index % len(ROUND)], random.Random(f"{seed}:{index}")
    processor = f"c{index}"
    count = rng.choice([2, 3, 4]) if kind is workers_at_once else 1

    def day(name: str) -> PreparedDay:
        rows = ROWS_FOR_A_FULL_DISK if kind is disk_full else rng.randrange(MOST_ROWS)
        folder, key = bench.inputs / f"{index}-{name}", f"root-{name}:{processor}"
        return prepare(folder, processor=processor, key=key, rng=rng, count=rows)

    case = Case(bench, rng, processor, day("old"), [day(f"new{number}") for number in range(count)])
    publish_day(Job(bench.database, case.old, "old"))
    inputs = {one.key: one for one in (case.old, *case.days)}

    struck, said = kind(case)
    bench.revive()

    found = [outcome for _, outcome in said if outcome.startswith(("crashed", "hung"))]
    found += [outcome for _, outcome in said if outcome.startswith("refused") and kind is not workers_at_once]
    published = [key for key, outcome in said if outcome == "published"]
    if kind is same_key_and_one_gives_up and not published:
        found.append("a live worker lost its run to another's failure")
    found += _check(bench, processor, inputs, said_published=published)
    for number, new in enumerate(case.days):
        again = publish_and_say(Job(bench.database, new, f"retry-{number}"))
        if again != "published":
            found.append(f"the retry ended {again}")
    found += _check(bench, processor, inputs, said_published=[one.key for one in case.days], settled=True)
    (findings.injected if struck else findings.missed)[kind.__name__] += 1
    findings.violations += [(index, kind.__name__, text) for text in found]


def _check(bench: Bench, processor: str, inputs: dict[str, PreparedDay], **how: object) -> list[str]:
    with session_as_superuser(bench.database) as connection:
        return violations(connection, processor, inputs, **how)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=len(ROUND))
    parser.add_argument("--only", type=int)
    chosen = parser.parse_args()
    indexes = range(chosen.count) if chosen.only is None else [chosen.only]
    findings = run_campaign(seed=chosen.seed, indexes=indexes)
    print(findings.table())
    for index, kind, text in findings.violations:
        print(f"--seed {chosen.seed} --only {index}  {kind}: {text}")
    return 1 if findings.violations else 0


if __name__ == "__main__":
    sys.exit(main())
