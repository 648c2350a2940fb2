"""Charts as SVG that stands in a page: the same figures give the same bytes, colours and fonts are the page's.

What belongs here: drawing. Not here: what is drawn, which is `html_content`'s. Shapes carry class names instead of
colours that must fit, so that the page decides for light, dark and print. Coordinates are floats, labels never are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH: Final = 72
WIDE_INCHES: Final = 11.0
NARROW_INCHES: Final = 4.7
_ROW_INCHES: Final = 0.66
_TREND_INCHES: Final = 2.3
_FONT_POINTS: Final = 13
_DIGIT_POINTS: Final = 9
_LEAST_WIDTH: Final = 0.004
"""A step is drawn at least so wide, as a part of the chart: a cent among millions is seen too."""


@dataclass(frozen=True, slots=True)
class BridgeStep:
    """A row of the bridge: from `starts` to `ends`, in major units. A total starts where the chart does."""

    label: str
    amount_text: str
    starts: Decimal | None
    ends: Decimal


@dataclass(frozen=True, slots=True)
class TrendBar:
    """A day: how high, in which class of the page's colours, and whether its date stands below."""

    height: int
    colour: str
    label: str


@dataclass(frozen=True, slots=True)
class ChartText:
    """What a chart is called and says, for those who do not see it. `name` is unique in the page."""

    name: str
    title: str
    description: str


def bridge(steps: Sequence[BridgeStep], text: ChartText, *, width_inches: float) -> str:
    """From the first total to the last, a row for each step. The axis need not start at zero."""
    figure, axes = _figure(width_inches, _ROW_INCHES * len(steps) + 0.1)
    left, right = bridge_limits(steps)
    texts = max(len(step.amount_text) for step in steps) * _DIGIT_POINTS / (width_inches * POINTS_PER_INCH)
    end = left + (right - left) / (1 - Decimal(texts))  # the amounts have a column of their own
    seen = float(end - left) * _LEAST_WIDTH
    origin = Decimal(0) if left <= 0 <= right else left
    for place, step in enumerate(steps):
        bottom, starts, ends = -place, float(origin if step.starts is None else step.starts), float(step.ends)
        colour = "total" if step.starts is None else "more" if ends >= starts else "less"
        width = ends - starts if abs(ends - starts) > seen else seen if ends >= starts else -seen
        axes.barh(bottom, width, left=starts, height=0.36)[0].set_gid(f"class:{colour}")
        _text(axes, (float(left), bottom + 0.24), step.label, align="left bottom", name="label")
        _text(axes, (float(end), bottom), step.amount_text, align="right center", name="amount")
        if step.starts is None and origin != 0:
            _break(axes, float(left), float(end), bottom)
        if place + 1 < len(steps):
            axes.plot([ends, ends], [bottom - 0.18, bottom - 0.82], linewidth=1)[0].set_gid("class:joint")
    axes.set_xlim(float(left), float(end))
    axes.set_ylim(-len(steps) + 0.7, 0.75)
    axes.axis("off")
    return _svg(figure, text)


def bridge_limits(steps: Sequence[BridgeStep]) -> tuple[Decimal, Decimal]:
    """Where the axis starts and ends: near the steps, so that small ones are seen; with zero if that is near too."""
    values = [value for step in steps for value in (step.starts, step.ends) if value is not None]
    low, high = min(values), max(values)
    span = high - low or abs(high) or Decimal(1)
    left = low - span * Decimal("0.45")
    if low >= 0 > left:
        left = Decimal(0)
    elif low < 0 < high:
        left = low - span * Decimal("0.1")
    return left, high + span * Decimal("0.03")


def _break(axes: "Axes", left: float, right: float, bottom: float) -> None:
    """A cut through a bar that does not start at zero."""
    at, slant = left + (right - left) * 0.045, (right - left) * 0.008
    for shift in (0.0, 1.5 * slant):
        line = axes.plot([at + shift - slant, at + shift + slant], [bottom - 0.24, bottom + 0.24], linewidth=3)[0]
        line.set_gid("class:cut")


def trend(bars: Sequence[TrendBar], text: ChartText, *, width_inches: float) -> str:
    """A bar a day. A day without an answer has none; one with nothing to show has a low mark in its colour."""
    figure, axes = _figure(width_inches, _TREND_INCHES)
    top = max((bar.height for bar in bars), default=0) or 1
    for place, bar in enumerate(bars):
        if bar.colour:
            axes.bar(place, max(bar.height, top * 0.025), width=0.72)[0].set_gid(f"class:{bar.colour}")
        if bar.height == top and bar.height:
            _text(axes, (place, top * 1.03), f"{bar.height:,}", align="center bottom", name="amount")
        if bar.label:
            align = "right top" if place + 1 == len(bars) else "center top"  # the last one stays inside
            _text(
                axes,
                (place + (0.4 if place + 1 == len(bars) else 0), -top * 0.06),
                bar.label,
                align=align,
                name="label",
            )
    axes.plot([-0.6, len(bars) - 0.4], [0, 0], linewidth=1)[0].set_gid("class:joint")
    axes.set_xlim(-0.9, len(bars) - 0.1)
    axes.set_ylim(-top * 0.2, top * 1.18)
    axes.axis("off")
    return _svg(figure, text)


def _text(axes: "Axes", at: tuple[float, float], text: str, *, align: str, name: str) -> None:
    horizontal, vertical = align.split()
    plain = text.replace("$", r"\$")  # or two of them are a formula of TeX
    axes.text(*at, plain, ha=horizontal, va=vertical, fontsize=_FONT_POINTS).set_gid(f"class:{name}")


def _figure(width_inches: float, height_inches: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches))
    return figure, figure.add_axes((0.0, 0.0, 1.0, 1.0))


def _svg(figure: "Figure", text: ChartText) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    written = StringIO()
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": text.name}
    with rc_context(settings):
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(written, metadata={"Date": None, "Creator": None})
    return _for_a_page(written.getvalue(), figure, text)


def _for_a_page(svg: str, figure: "Figure", text: ChartText) -> str:
    """Without prolog, metadata and ids that the next chart has too; with a title and a description."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<style type="text/css">.*?</style>', "", body, flags=re.DOTALL)
    body = re.sub(r' id="class:([a-z-]+)"', r' class="\1"', body)
    body = re.sub(r' id="[a-zA-Z][a-zA-Z0-9]*_\d+"', "", body)
    body = re.sub(r">\s+<", "><", body)
    width, height = (float(inches) * POINTS_PER_INCH for inches in figure.get_size_inches())
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{text.name}-title {text.name}-text"'
        ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{text.name}-title">{escape(text.title)}</title>'
        f'<desc id="{text.name}-text">{escape(text.description)}</desc>{body.strip()}</svg>'
    )
