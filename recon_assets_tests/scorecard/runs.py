"""The days of one scorecard: generates each, lets ours, the limits and the peers at it, and scores what they found."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recon_assets_tests.scorecard.children import ChildFailed, Measured, measure, own
from recon_assets_tests.scorecard.environments import PEERS_FOLDER, Peer, python_of
from recon_assets_tests.scorecard.keyed_day import write_keyed_day
from recon_assets_tests.scorecard.keyless_day import write_keyless_day
from recon_assets_tests.scorecard.scores import PairScores, Score, class_scores_by_id, keyless_pairs_of_a_peer

PERCENTS: Final = (1, 17)
KEYLESS_SIZES: Final = (2_000, 50_000)
ROUNDS: Final = 5
ROUNDS_OF_PEERS: Final = 3
ROUNDS_OF_LARGE: Final = 3
ROUNDS_OF_PEERS_OF_LARGE: Final = 1
LARGE_ROWS: Final = 10_000_000
OURS: Final = "ours"
AGAIN: Final = "ours, a day concluded before"
"""What the record of every day needs later: each transaction is held against the answer before, too."""
KEYS: Final = "limit: join of the keys"
COLUMNS: Final = "limit: reading the columns"
DICTIONARIES: Final = "Python's dictionaries"
"""What a team writes first. It keeps every row as objects, so it is given no large day."""


@dataclass(frozen=True, slots=True)
class KeyedRun:
    """One day with ids. `scores` has, by tool, only the classes that the tool can express; ours are of `AGAIN`."""

    rows: int
    percent: int
    measured: Mapping[str, Measured | ChildFailed]
    scores: Mapping[str, Mapping[str, Score]]
    pairs: Score

    @property
    def ours(self) -> Measured:
        return _must(self.measured[OURS])

    @property
    def told(self) -> Mapping[str, Any]:
        """What ours found of the whole day."""
        return _must(self.measured[AGAIN]).told


@dataclass(frozen=True, slots=True)
class KeylessRun:
    """One day without ids."""

    rows: int
    measured: Mapping[str, Measured | ChildFailed]
    scores: Mapping[str, PairScores]


def most_telling(runs: Sequence[KeyedRun]) -> KeyedRun:
    """The largest day that every tool was given, with most discrepancies."""
    return max(runs, key=lambda one: (len(one.scores), one.percent, one.rows))


def keyed_runs(sizes: Sequence[int], peers: Sequence[Peer], *, folder: Path, cache: Path) -> Iterator[KeyedRun]:
    """Every size with every share of discrepancies, the smallest first. The files of a day go before the next comes."""
    for rows in sizes:
        for percent in PERCENTS:
            place = folder / f"keyed-{rows}-{percent}"
            yield _keyed_run(rows, percent, peers, folder=place, cache=cache)
            shutil.rmtree(place)


def _keyed_run(rows: int, percent: int, peers: Sequence[Peer], *, folder: Path, cache: Path) -> KeyedRun:
    generated = write_keyed_day(folder, rows=rows, discrepancies_percent=percent)
    commands = {
        OURS: own("ours", folder, "keyed", folder / "matched"),
        AGAIN: own("ours", folder, "again", folder / "matched_again"),
        KEYS: own("limits", folder, "keys"),
        COLUMNS: own("limits", folder, "columns"),
    }
    if rows < LARGE_ROWS:
        commands[DICTIONARIES] = own("dictionaries", folder)
    asked = [peer for peer in peers if rows <= peer.largest_rows and not peer.is_keyless]
    commands |= _commands(asked, folder, cache)
    rounds, of_peers = (ROUNDS, ROUNDS_OF_PEERS)
    if rows >= LARGE_ROWS:
        rounds, of_peers = (ROUNDS_OF_LARGE, ROUNDS_OF_PEERS_OF_LARGE)
    less = dict.fromkeys([DICTIONARIES, *(peer.name for peer in asked)], of_peers)
    measured = measure(commands, rounds=rounds, less=less)
    told = _must(measured[AGAIN]).told
    scores = {OURS: {word: Score(*counts) for word, counts in told["classes"].items()}}
    for peer in asked:
        result = measured[peer.name]
        if isinstance(result, Measured):
            by_class = class_scores_by_id(generated, folder / peer.script / "found.csv")
            scores[peer.name] = {word: by_class[word] for word in result.told["expresses"] if word in by_class}
    return KeyedRun(rows, percent, measured, scores, Score(*told["pairs"]))


def _commands(peers: Sequence[Peer], folder: Path, cache: Path) -> dict[str, list[str]]:
    """What each peer is called with: the day, and a folder of its own for what it finds."""
    for peer in peers:
        (folder / peer.script).mkdir(exist_ok=True)
    return {
        peer.name: [
            str(python_of(peer, cache)),
            str(PEERS_FOLDER / peer.script),
            str(folder),
            str(folder / peer.script),
        ]
        for peer in peers
    }


def keyless_runs(peers: Sequence[Peer], *, folder: Path, cache: Path) -> Iterator[KeylessRun]:
    """Look-alikes, at each size."""
    for rows in KEYLESS_SIZES:
        place = folder / f"keyless-{rows}"
        generated = write_keyless_day(place, rows=rows)
        asked = [peer for peer in peers if rows <= peer.largest_rows and peer.is_keyless]
        commands = {OURS: own("ours", place, "keyless", place / "matched"), **_commands(asked, place, cache)}
        measured = measure(commands, rounds=ROUNDS, less={peer.name: ROUNDS_OF_PEERS for peer in asked})
        told = _must(measured[OURS]).told
        confirmed, suggested = (Score(*told[name]) for name in ("confirmed", "with_suggestions"))
        scores = {OURS: PairScores(confirmed, suggested, told["candidates_a_record"])}
        for peer in asked:
            if isinstance(measured[peer.name], Measured):
                scores[peer.name] = keyless_pairs_of_a_peer(generated, place / peer.script / "pairs.parquet")
        yield KeylessRun(rows, measured, scores)


def _must(result: Measured | ChildFailed) -> Measured:
    """Ours and the limits have no excuse."""
    if isinstance(result, ChildFailed):
        raise result
    return result
