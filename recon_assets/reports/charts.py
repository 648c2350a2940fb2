"""Charts as SVG that stands in a page: the same figures give the same bytes, colours and fonts are the page's.

What belongs here: drawing. Not here: what is drawn, which is `html_content`'s, and how it looks: shapes carry class
names, so that the page decides for light, dark and print. Places are decimals, rounded once, when they are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

WIDE: Final = Decimal(792)
NARROW: Final = Decimal(338)
"""Units of the drawing, in which text is 13 high: for a desk and for a phone."""

_ROW: Final = Decimal(48)
_BAR: Final = Decimal(17)
_DIGIT: Final = 9
"""Width of a digit, on the large side."""
_DESCENT: Final = Decimal("4.5")
"""From the middle of a digit down to its line."""
_ABOVE_BAR: Final = Decimal("5.5")
"""From a bar up to the line of its label: letters such as g hang below it."""
_ASCENT: Final = Decimal(12)
"""From the top of a letter down to its line."""
_LEAST_WIDTH: Final = Decimal(3)
"""A step is drawn at least so wide: a cent among millions is seen too."""
_MOST_TEXT: Final = Decimal("0.6")
"""Part of the width that amounts may take from the bars."""

_TREND_ABOVE: Final = Decimal(22)
_TREND_HEIGHT: Final = Decimal(120)
_TREND_BELOW: Final = Decimal(24)
_LOWEST_BAR: Final = Decimal(3)
_BAR_OF_A_DAY: Final = Decimal("0.72")
"""Of the day's width."""


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


def bridge(steps: Sequence[BridgeStep], text: ChartText, *, width: Decimal) -> str:
    """From the first total to the last, a row for each step. The axis need not start at zero."""
    left, right = bridge_limits(steps)
    texts = max(len(step.amount_text) for step in steps) * _DIGIT  # the amounts have a column of their own
    scale = (width - min(Decimal(texts), width * _MOST_TEXT)) / (right - left)
    starts_at_zero = left <= 0 <= right
    shapes: list[str] = []
    for row, step in enumerate(steps):
        middle = row * _ROW + _ROW * Decimal("0.75")
        origin = step.starts if step.starts is not None else Decimal(0) if starts_at_zero else left
        begins, ends = (origin - left) * scale, (step.ends - left) * scale
        colour = "total" if step.starts is None else "more" if step.ends >= origin else "less"
        shapes += [
            _bar(colour, begins, ends, middle),
            _text("label", Decimal(0), middle - _BAR / 2 - _ABOVE_BAR, step.label),
            _text("amount end", width, middle + _DESCENT, step.amount_text),
        ]
        if step.starts is None and not starts_at_zero:
            shapes += _cut(width, middle)
        if row + 1 < len(steps):
            shapes.append(_line("joint", ends, middle + _BAR / 2, ends, middle + _ROW - _BAR / 2))
    return _svg(shapes, text, width=width, height=len(steps) * _ROW)


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


def trend(bars: Sequence[TrendBar], text: ChartText, *, width: Decimal) -> str:
    """A bar a day. A day without an answer has none; one with nothing to show has a low mark in its colour."""
    top = max((bar.height for bar in bars), default=0) or 1
    ground = _TREND_ABOVE + _TREND_HEIGHT
    day = width / len(bars)
    shapes: list[str] = []
    for place, bar in enumerate(bars):
        middle, is_last = (place + Decimal("0.5")) * day, place + 1 == len(bars)
        if bar.colour:
            high = max(_TREND_HEIGHT * bar.height / top, _LOWEST_BAR)
            wide = day * _BAR_OF_A_DAY
            shapes.append(_rectangle(bar.colour, middle - wide / 2, ground - high, wide, high))
        if bar.height == top and bar.height:
            shapes.append(_text("amount middle", middle, ground - _TREND_HEIGHT - _DESCENT, f"{bar.height:,}"))
        if bar.label:  # the last one stays inside
            x, anchor = (width, "end") if is_last else (middle, "middle")
            shapes.append(_text(f"label {anchor}", x, ground + 2 * _DESCENT + _ASCENT / 2, bar.label))
    shapes.append(_line("joint", Decimal(0), ground, width, ground))
    return _svg(shapes, text, width=width, height=ground + _TREND_BELOW)


def _bar(colour: str, begins: Decimal, ends: Decimal, middle: Decimal) -> str:
    """Between two places, whichever is further right; a narrow one grows in its own direction."""
    wide = max(abs(ends - begins), _LEAST_WIDTH)
    return _rectangle(colour, begins if ends >= begins else begins - wide, middle - _BAR / 2, wide, _BAR)


def _cut(width: Decimal, middle: Decimal) -> list[str]:
    """Through a bar that does not start at zero."""
    at, slant, half = width * Decimal("0.045"), width * Decimal("0.008"), _BAR / 2 + 3
    return [_line("cut", x - slant, middle + half, x + slant, middle - half) for x in (at, at + slant * Decimal("1.5"))]


def _rectangle(colour: str, x: Decimal, y: Decimal, width: Decimal, height: Decimal) -> str:
    return f'<rect class="{colour}" x="{_at(x)}" y="{_at(y)}" width="{_at(width)}" height="{_at(height)}"/>'


def _line(name: str, x1: Decimal, y1: Decimal, x2: Decimal, y2: Decimal) -> str:
    return f'<line class="{name}" x1="{_at(x1)}" y1="{_at(y1)}" x2="{_at(x2)}" y2="{_at(y2)}"/>'


def _text(names: str, x: Decimal, y: Decimal, text: str) -> str:
    return f'<text class="{names}" x="{_at(x)}" y="{_at(y)}">{escape(text)}</text>'


def _at(place: Decimal) -> str:
    """A hundredth of a unit is finer than any screen."""
    return f"{place:.2f}".rstrip("0").rstrip(".")


def _svg(shapes: Sequence[str], text: ChartText, *, width: Decimal, height: Decimal) -> str:
    return (
        f'<svg viewBox="0 0 {_at(width)} {_at(height)}" role="img"'
        f' aria-labelledby="{text.name}-title {text.name}-text" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{text.name}-title">{escape(text.title)}</title>'
        f'<desc id="{text.name}-text">{escape(text.description)}</desc>{"".join(shapes)}</svg>'
    )
