"""Charts say what their figures say: lengths in proportion, small steps seen, cut bars marked, nothing outside."""

from decimal import Decimal
from xml.etree import ElementTree

import pytest

from recon_assets.reports.charts import NARROW, WIDE, BridgeStep, ChartText, TrendBar, bridge, trend

TEXT = ChartText("b", "A <title>", "1 < 2 & 3")
SVG = "{http://www.w3.org/2000/svg}"


def shapes(svg: str, kind: str, name: str) -> list[dict[str, str]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}{kind}")
    return [shape.attrib for shape in found if name in shape.attrib["class"].split()]


def places(shape: dict[str, str]) -> tuple[Decimal, Decimal]:
    """Where a bar begins and ends."""
    return Decimal(shape["x"]), Decimal(shape["x"]) + Decimal(shape["width"])


def steps(*ends: str, total: str = "0") -> list[BridgeStep]:
    """From the total by steps to the last end."""
    at, made = Decimal(total), [BridgeStep("Processor total", total, None, Decimal(total))]
    for end in map(Decimal, ends):
        made.append(BridgeStep("step", f"{end - at:+}", at, end))
        at = end
    return [*made, BridgeStep("Ledger total", str(at), None, at)]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_bars_of_a_bridge_are_as_long_as_their_amounts_and_hang_together(width: Decimal) -> None:
    drawn = bridge(steps("20", "120", total="100"), TEXT, width=width)

    first, last = (places(shape) for shape in shapes(drawn, "rect", "total"))
    (less,), (more,) = shapes(drawn, "rect", "less"), shapes(drawn, "rect", "more")
    assert (first[0], last[0]) == (0, 0), "near zero, the axis starts there"
    unit = first[1] / 100
    assert places(less) == pytest.approx((20 * unit, first[1]), abs=Decimal("0.02"))
    assert places(more) == pytest.approx((20 * unit, last[1]), abs=Decimal("0.02"))
    assert last[1] / first[1] == pytest.approx(Decimal("1.2"), abs=Decimal("0.001"))
    assert [line["x1"] for line in shapes(drawn, "line", "joint")] == [str(first[1]), less["x"], str(last[1])]
    assert not shapes(drawn, "line", "cut")


def test_a_cent_among_millions_is_seen_in_its_own_direction() -> None:
    drawn = bridge(steps("4999999.99", "9000000", "9000000.01", total="5000000"), TEXT, width=NARROW)

    (less,) = shapes(drawn, "rect", "less")
    large, small = shapes(drawn, "rect", "more")
    assert (less["width"], small["width"]) == ("3", "3")
    assert places(less)[1] == pytest.approx(places(large)[0], abs=Decimal("0.02")), "to the left of where it begins"
    assert Decimal(small["x"]) == pytest.approx(places(large)[1], abs=Decimal("0.02")), "to the right"


def test_bars_of_totals_far_from_zero_are_cut() -> None:
    drawn = bridge(steps("6557.55", total="6577.50"), TEXT, width=WIDE)

    assert len(shapes(drawn, "line", "cut")) == 2 * 2
    first, last = (places(shape) for shape in shapes(drawn, "rect", "total"))
    assert first[0] == last[0] == 0 < last[1] < first[1]


def test_totals_below_zero_go_to_the_left_of_zero() -> None:
    drawn = bridge(steps("-50", total="100"), TEXT, width=WIDE)

    (zero, _), (left, right) = (places(shape) for shape in shapes(drawn, "rect", "total"))
    assert left >= 0, "nothing is beyond the edge"
    assert right == pytest.approx(zero, abs=Decimal("0.02"))


def test_amounts_of_any_length_leave_room_for_the_bars() -> None:
    drawn = bridge(steps("8" * 40, total="9" * 40), TEXT, width=NARROW)

    every = [places(shape) for name in ("total", "less") for shape in shapes(drawn, "rect", name)]
    assert all(0 <= begin < end <= NARROW * Decimal("0.4") + 1 for begin, end in every)


def test_nothing_at_all_is_drawn_as_nothing_at_all() -> None:
    drawn = bridge([BridgeStep("Processor total", "0.00", None, Decimal(0))], TEXT, width=WIDE)

    assert [shape["width"] for shape in shapes(drawn, "rect", "total")] == ["3"]


def test_days_of_the_trend_are_as_high_as_their_counts_in_the_colour_of_their_verdict() -> None:
    bars = [TrendBar(10, "bad", "1 Sep"), TrendBar(0, "good", ""), TrendBar(0, "", ""), TrendBar(5, "bad", "4 Sep")]

    drawn = trend(bars, TEXT, width=NARROW)

    high, low = shapes(drawn, "rect", "bad")
    (mark,) = shapes(drawn, "rect", "good")
    assert (high["height"], low["height"], mark["height"]) == ("120", "60", "3")
    ground = {Decimal(bar["y"]) + Decimal(bar["height"]) for bar in (high, low, mark)}
    assert ground == {Decimal(line["y1"]) for line in shapes(drawn, "line", "joint")}
    assert sum(len(shapes(drawn, "rect", name)) for name in ("bad", "good", "noted", "unknown")) == 3, "a day without"
    (last,) = shapes(drawn, "text", "end")
    assert last["x"] == str(NARROW), "the date of the last day stays inside"
    (figure,) = shapes(drawn, "text", "amount")
    assert figure["x"] == str(NARROW / 8), "over the highest day"


def test_days_without_any_discrepancy_have_low_marks_and_no_figure() -> None:
    drawn = trend([TrendBar(0, "good", "")] * 3, TEXT, width=WIDE)

    assert {bar["height"] for bar in shapes(drawn, "rect", "good")} == {"3"}
    assert not shapes(drawn, "text", "amount")


def test_words_are_text_and_never_markup() -> None:
    root = ElementTree.fromstring(trend([TrendBar(1, "bad", "<b>&")], TEXT, width=WIDE))

    assert [root[0].text, root[1].text] == ["A <title>", "1 < 2 & 3"]
    assert [text.text for text in root.iter(f"{SVG}text")] == ["1", "<b>&"]
