"""The scorecard as Markdown. Figures come in; nothing is measured here."""

from collections.abc import Mapping, Sequence

from recon_assets_tests.scorecard.charts import CLASSES, MEMORY, SECONDS
from recon_assets_tests.scorecard.children import ChildFailed, Measured
from recon_assets_tests.scorecard.environments import Peer
from recon_assets_tests.scorecard.keyed_day import HAPPENINGS
from recon_assets_tests.scorecard.runs import OURS, KeyedRun, KeylessRun, most_telling
from recon_assets_tests.scorecard.scores import PairScores, Score

NOTHING = "-"

_ABOUT = """\
Written by `make scorecard`; not edited. Days are generated with their truth (`recon_assets_tests/scorecard`): ids of 27
characters, JPY, USD and KWD, refunds and fees, {happenings} things that can happen to a payment in equal parts, a day
before that left records open, and an answer of before that was of other transactions. What a tool finds is held against
what is so. """
_ABOUT_CLASSES = """\
`-`: the tool has no such class. Ours is scored by record, a peer by transaction id. Peers join by one key, and get
amounts and tolerance as integers of minor units, their best case. Records with another id and the same reference,
those tied, and those whose counterpart is of the day before, are among what they call missing or mismatching."""
_ABOUT_COSTS = """\
Medians of child processes that ran in turn. Seconds are without the imports, memory is with them. From Parquet to named
differences; ours writes all its files besides. CPU ratio: the tool's CPU seconds over those of ours in the same round,
the median of them, since the machine is not as fast in every minute; above 1 it needs more, and a limit of 0.25 is a
quarter of ours. Ours knows what the day before left open; the line of a day concluded
before also holds every transaction against the answer before, which no other tool does.
A peer that is not in a table is not given days of that size. fastrecon asks the network for extensions of DuckDB at
each start: where there is none, its wall seconds are mostly that."""
_ABOUT_LOOK_ALIKES = """\
Merchant, amount and time are all there is. Half of the payments stand in bursts of two, three and five of one merchant
and amount, three seconds apart: these are suggested, not confirmed, since which is which would be a guess."""


def markdown(
    keyed: Sequence[KeyedRun],
    keyless: Sequence[KeylessRun],
    *,
    peers: Sequence[Peer],
    not_installed: Mapping[str, str],
    machine: str,
    images: str,
) -> str:
    """The whole of docs/scorecard.md. `images` is the folder of the charts, from there."""
    parts = [
        "# Scorecard",
        _ABOUT.format(happenings=len(HAPPENINGS)) + machine,
        "## With ids",
        _ours(keyed),
        _classes(keyed, peers),
        f"![Precision and recall by class and tool]({images}/{CLASSES})",
        "## What it costs",
        _ABOUT_COSTS,
        f"![CPU seconds by rows a side and tool]({images}/{SECONDS})",
        f"![Peak memory by rows a side and tool]({images}/{MEMORY})",
        *(_costs(run) for run in keyed),
        "## Without ids: look-alikes",
        _keyless(keyless),
        _peers(peers, not_installed),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _ratio(value: float | None) -> str:
    """Three places, cut: what is not perfect never reads 1."""
    return NOTHING if value is None else "1" if value == 1 else f"{int(value * 1000) / 1000:.3f}"


def _score(score: Score | None) -> str:
    return NOTHING if score is None else f"{_ratio(score.precision)} / {_ratio(score.recall)}"


def _ours(runs: Sequence[KeyedRun]) -> str:
    rows = []
    for run in runs:
        scores = run.scores[OURS].values()
        rows.append(
            [
                f"{run.rows:,}",
                f"{run.percent} %",
                _ratio(min(score.precision or 0 for score in scores)),
                _ratio(min(score.recall or 0 for score in scores)),
                _score(run.pairs),
                f"{run.told['auto_match_rate']:.2%}",
                ", ".join(str(value) for value in run.told["residuals"].values()),
            ]
        )
    head = ["rows a side", "discrepancies", "lowest precision of a class", "lowest recall", "pairs", "auto-matched"]
    return _table([*head, "residual, by currency"], rows)


def _classes(runs: Sequence[KeyedRun], peers: Sequence[Peer]) -> str:
    run = most_telling(runs)
    tools = [OURS, *(peer.name for peer in peers if peer.name in run.scores)]
    rows = [[f"`{word}`", *(_score(run.scores[tool].get(word)) for tool in tools)] for word in sorted(run.scores[OURS])]
    return (
        f"Precision / recall by class, {run.rows:,} rows a side, {run.percent} % discrepancies.\n{_ABOUT_CLASSES}\n\n"
        + _table(["class", *tools], rows)
    )


def _costs(run: KeyedRun) -> str:
    rows = [[name, *_cost_columns(one), *_times_ours(one, run)] for name, one in run.measured.items()]
    return f"{run.rows:,} rows a side, {run.percent} % discrepancies:\n\n" + _table(
        ["", "CPU s", "wall s", "peak MiB", "CPU ratio", "rounds"], rows
    )


def _cost_columns(one: Measured | ChildFailed) -> list[str]:
    if isinstance(one, ChildFailed):
        return [f"failed: {one}", NOTHING, NOTHING]
    return [f"{one.cpu_s:.2f}", f"{one.wall_s:.2f}", f"{one.peak_mib:.0f}"]


def _times_ours(one: Measured | ChildFailed, run: KeyedRun) -> list[str]:
    if isinstance(one, ChildFailed):
        return [NOTHING, NOTHING]
    return [f"{one.times(run.ours):.2f}", str(one.rounds)]


def _pair_columns(scores: PairScores | None) -> list[str]:
    if scores is None:
        return [NOTHING] * 4
    ratios = (scores.confirmed.precision, scores.confirmed.recall, scores.with_suggestions.recall)
    return [*map(_ratio, ratios), f"{scores.candidates_a_record:.1f}"]


def _keyless(runs: Sequence[KeylessRun]) -> str:
    rows = [
        [f"{run.rows:,}", name, *_pair_columns(run.scores.get(name)), *_cost_columns(one)]
        for run in runs
        for name, one in run.measured.items()
    ]
    head = ["rows a side", "", "precision, confirmed", "recall, confirmed", "recall, with suggestions"]
    return f"{_ABOUT_LOOK_ALIKES}\n\n" + _table(
        [*head, "candidates of a suggested record", "CPU s", "wall s", "peak MiB"], rows
    )


def _peers(peers: Sequence[Peer], not_installed: Mapping[str, str]) -> str:
    if not peers:
        return ""
    rows = [
        [peer.name, ", ".join(peer.packages), not_installed.get(peer.name, f"up to {peer.largest_rows:,} rows")]
        for peer in peers
    ]
    return "## Peers\n\n" + _table(["", "packages", "given"], rows)
