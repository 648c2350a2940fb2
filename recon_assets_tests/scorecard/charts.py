"""The scorecard as pictures: cost by size, beside the other tools and the limits, and precision and recall by class.

Figures come in; nothing is measured here. The same figures give the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recon_assets_tests.scorecard.children import Measured
from recon_assets_tests.scorecard.runs import AGAIN, COLUMNS, DICTIONARIES, KEYS, OURS, KeyedRun, most_telling
from recon_assets_tests.scorecard.scores import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECONDS: Final = "scorecard-seconds.svg"
MEMORY: Final = "scorecard-memory.svg"
CLASSES: Final = "scorecard-classes.svg"

_WIDTH_IN: Final = 11.0
_STYLE: Final[Mapping[str, Mapping[str, object]]] = {
    OURS: {"color": "#0b3d91", "linewidth": 2.6, "marker": "o"},
    AGAIN: {"color": "#0b3d91", "linewidth": 1.2, "linestyle": "--", "marker": "o", "markerfacecolor": "white"},
    KEYS: {"color": "#777777", "linewidth": 1.0, "linestyle": ":", "marker": "."},
    COLUMNS: {"color": "#aaaaaa", "linewidth": 1.0, "linestyle": ":", "marker": "."},
    DICTIONARIES: {"color": "#aaaaaa", "linewidth": 1.2, "linestyle": "--", "marker": "x"},
}
_COLOURS_OF_PEERS: Final = ("#d55e00", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c564b", "#bcbd22")
_LIGHT_FROM: Final = 0.6
"""Figures in cells of a lighter colour than this are dark."""


def write_charts(keyed: Sequence[KeyedRun], folder: Path) -> None:
    """`SECONDS`, `MEMORY` and `CLASSES` into the folder."""
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "scorecard", "svg.fonttype": "none", "font.size": 9}):
        for name, figure in (
            (SECONDS, _by_size(keyed, "CPU seconds", lambda one: one.cpu_s)),
            (MEMORY, _by_size(keyed, "peak MiB", lambda one: one.peak_mib)),
            (CLASSES, _by_class(most_telling(keyed))),
        ):
            figure.savefig(folder / name, metadata={"Date": None, "Creator": None})


def _by_size(keyed: Sequence[KeyedRun], what: str, value: Callable[[Measured], float]) -> "Figure":
    from matplotlib.figure import Figure

    percents = sorted({run.percent for run in keyed})
    figure = Figure(figsize=(_WIDTH_IN, 4.8), layout="constrained")
    axes = figure.subplots(1, len(percents), sharey=True, squeeze=False)[0]
    for axis, percent in zip(axes, percents, strict=True):
        runs = sorted((run for run in keyed if run.percent == percent), key=lambda run: run.rows)
        for tool, style in _styles(keyed).items():
            points = [(run.rows, value(one)) for run in runs if isinstance(one := run.measured.get(tool), Measured)]
            if points:
                axis.plot(*zip(*points, strict=True), label=tool, **style)
        _sizes_on(axis, [run.rows for run in runs])
        axis.set_title(f"{percent} % discrepancies")
    axes[0].set_ylabel(what)
    drawn = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _styles(keyed: Sequence[KeyedRun]) -> Mapping[str, Mapping[str, object]]:
    """Ours and the limits as they always are; the others in the order in which they were given."""
    peers = [tool for tool in dict.fromkeys(tool for run in keyed for tool in run.measured) if tool not in _STYLE]
    coloured = zip(peers, _COLOURS_OF_PEERS * len(peers), strict=False)
    return {**_STYLE, **{tool: {"color": colour, "linewidth": 1.2, "marker": "s"} for tool, colour in coloured}}


def _sizes_on(axis: "Axes", sizes: Sequence[int]) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(sizes, [short(size) for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel("rows a side")
    axis.grid(visible=True, color="#dddddd", linewidth=0.6)


def short(rows: int) -> str:
    """10k, 1M: as `--sizes` takes it."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if rows % unit == 0:
            return f"{rows // unit}{name}"
    return str(rows)


def _by_class(run: KeyedRun) -> "Figure":
    from matplotlib.figure import Figure

    words, tools = sorted(run.scores[OURS]), list(run.scores)
    figure = Figure(figsize=(_WIDTH_IN, 1.6 + 0.32 * len(words)), layout="constrained")
    for axis, (name, ratio) in zip(
        figure.subplots(1, 2, sharey=True), (("precision", _precision), ("recall", _recall)), strict=True
    ):
        axis.set_title(f"{name}, {run.rows:,} rows a side, {run.percent} % discrepancies")
        values = [[ratio(run.scores[tool].get(word)) for tool in tools] for word in words]
        shown = [[float("nan") if value is None else value for value in row] for row in values]
        axis.imshow(shown, vmin=0, vmax=1, cmap="cividis", aspect="auto")
        axis.set_xticks(range(len(tools)), tools, rotation=30, ha="right")
        axis.set_yticks(range(len(words)), words)
        for place, row in enumerate(values):
            for column, value in enumerate(row):
                colour = "black" if value is None or value > _LIGHT_FROM else "white"
                text = "-" if value is None else "1" if value == 1 else f"{int(value * 100) / 100:.2f}"
                axis.text(column, place, text, ha="center", va="center", color=colour)
    return figure


def _precision(score: Score | None) -> float | None:
    return None if score is None else score.precision


def _recall(score: Score | None) -> float | None:
    return None if score is None else score.recall
